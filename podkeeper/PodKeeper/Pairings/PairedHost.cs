using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Pairings;

/// <summary>A host that was paired, without its key.</summary>
/// <param name="Id">The pairing's id.</param>
/// <param name="Name">How the host calls itself; printable, no proof of anything.</param>
/// <param name="Role">What the owner said that it is.</param>
/// <param name="Created">When.</param>
/// <param name="LogName">What the audit log calls the pairing.</param>
public sealed record PairedHost(UInt128 Id, string Name, HostRole Role, DateTimeOffset Created, string LogName)
{
    /// <summary>The name of the copy that it may write and read; null for hosts.</summary>
    public string? Copy { get; init; }
}
