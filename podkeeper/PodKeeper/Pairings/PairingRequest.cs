using System.Net;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.PodKeeper.Pairings;

/// <summary>How a host is to be paired.</summary>
/// <param name="Role">What it becomes.</param>
/// <param name="Digits">By comparing digits; else by a code.</param>
/// <param name="Address">host:port that goes into the code; null for what this machine thinks it is.</param>
/// <param name="Listen">Where to listen; port 0 for a free one.</param>
public sealed record PairingRequest(HostRole Role, bool Digits, string? Address, IPEndPoint Listen)
{
    /// <summary>The name of the copy that a pod with the role mirror may write and read; null for a new one, named by the pairing's id.</summary>
    public string? Copy { get; init; }
}
