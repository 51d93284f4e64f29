using VmPod.Foundation;

namespace VmPod.HostGuard.Session;

/// <summary>Whether a pod's folder is still the one that was opened: unplugged, unmounted under us or replaced, it is gone, whatever
/// descriptors still hold.</summary>
internal sealed class PodPresence
{
    private readonly string descriptor;
    private readonly (ulong, ulong)? identity;

    /// <summary>Remembers the pod that is in the folder now.</summary>
    public PodPresence(string folder)
    {
        descriptor = Path.Combine(Path.GetFullPath(folder), "vault.json");
        identity = Libc.FileIdentity(descriptor);
    }

    /// <summary>True while it is there.</summary>
    public bool IsHere() => identity is not null && Libc.FileIdentity(descriptor) == identity;
}
