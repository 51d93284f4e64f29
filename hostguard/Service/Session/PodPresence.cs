using VmPod.Foundation;

namespace VmPod.HostGuard.Session;

/// <summary>
/// Whether a pod's folder is still the one that was opened: unplugged, unmounted under us or replaced, it is gone, whatever descriptors still hold.
/// </summary>
/// <remarks>
/// hostguard has a mount namespace of its own, and where the host's mounts are private, an unmount out there is not seen in here. So the folder is looked
/// at through the host's first process as well, if the same pod was to be seen there at the beginning.
/// </remarks>
internal sealed class PodPresence
{
    private readonly string[] places;
    private readonly (ulong, ulong)? identity;

    /// <summary>Remembers the pod that is in the folder now.</summary>
    public PodPresence(string folder)
    {
        string descriptor = Path.Combine(Path.GetFullPath(folder), "vault.json");
        identity = Libc.FileIdentity(descriptor);
        string outside = "/proc/1/root" + descriptor;
        places = Libc.FileIdentity(outside) == identity ? [descriptor, outside] : [descriptor];
    }

    /// <summary>True while it is there.</summary>
    public bool IsHere() => identity is not null && places.All(place => Libc.FileIdentity(place) == identity);
}
