using VmPod.Vault.Format;

namespace VmPod.HostGuard.Pods;

/// <summary>A fork of a session that waits on the pod for a word of its owner.</summary>
/// <param name="Name">Its name, for <c>--fork</c>.</param>
/// <param name="Host">How the host that left it calls itself; null if the pod does not know, or does not say.</param>
/// <param name="Time">When it was made, by that host's clock.</param>
/// <param name="Kind">"checkpoint", "disk-only" or "draft".</param>
/// <param name="State">"sound", "pending", "accepted" or "refused".</param>
public sealed record PodFork(string Name, string? Host, DateTimeOffset Time, string Kind, string State)
{
    /// <summary>As the pod described it.</summary>
    internal static PodFork Of(ulong leaseId, string? host, ulong timeMs, GenerationKind kind, CommitTrust trust) => new(ForkName.Of(leaseId), host,
        GenerationKinds.TimeOf(timeMs), GenerationKinds.NameOf(kind), trust.ToString().ToLowerInvariant());

    /// <summary>What to say of the forks of a session, in one line; null if none waits.</summary>
    internal static string? Warning(string session, IReadOnlyList<PodFork>? forks) => forks switch
    {
        null or [] => null,
        [var one] => $"session {session} has a fork left behind by {one.Host ?? "another host"} at {one.Time:yyyy-MM-dd HH:mm:ss} UTC: "
            + $"podkeeper forks DIR {session} on the pod, or --fork {one.Name}",
        _ => $"session {session} has {forks.Count} forks left behind, the last by {Last(forks).Host ?? "another host"} at "
            + $"{Last(forks).Time:yyyy-MM-dd HH:mm:ss} UTC: podkeeper forks DIR {session} on the pod",
    };

    private static PodFork Last(IReadOnlyList<PodFork> forks) => forks.MaxBy(f => f.Time)!;
}
