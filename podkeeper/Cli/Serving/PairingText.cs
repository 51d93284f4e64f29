namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>What is shown while a host is paired, by its name on the control socket.</summary>
internal static class PairingText
{
    internal const string Address = "address", Code = "code", Symbol = "qr";
}
