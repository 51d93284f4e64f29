using VmPod.Foundation;

namespace VmPod.Vault.Format.Store;

/// <summary>The one way in which the store's parsers refuse.</summary>
internal static class StoreFormatError
{
    internal static VmPodException Damaged(string what) => new(ExitCode.Damaged, $"The vault is damaged: {what}.",
        "Copy the pod folder away as it is, then restore it from a mirror or a backup.");
}
