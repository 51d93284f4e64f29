using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.Sync.Mirror;

namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>serve --stdio: the mirror's side of a link that ssh made. Standard output is the protocol's alone.</summary>
internal static class StdioMirror
{
    internal static int Run(string folder)
    {
        using var interrupt = new Interrupt();
        CancellationToken cancel = interrupt.Token;
        using Stream input = Console.OpenStandardInput(), output = Console.OpenStandardOutput();
        using var watched = new WatchedStream(input, PodLimits.MirrorSilence, GiveUp);
        using var server = new MirrorServer(watched, output, () => CopyReader.Open(folder, TimeProvider.System, cancel),
            () => new MirrorFolder(folder, delay: null, isDismissed: false, TimeProvider.System, cancel));
        return (int)server.Run();
    }

    // What a link that hangs keeps is the mirror's lock. Nothing is lost: what came whole is found again.
    private static void GiveUp() => Environment.Exit((int)ExitCode.LinkLost);
}
