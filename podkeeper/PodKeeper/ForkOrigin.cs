namespace VmPod.PodKeeper;

/// <summary>Where a fork comes from, as far as pairings and audit log tell.</summary>
/// <param name="HostName">How the host that left it calls itself; null if it is not paired any more, or the log does not say.</param>
/// <param name="Pairing">What the log calls its pairing; null if it does not say.</param>
/// <param name="HandedIn">When the pod took the fork in; null if the log does not say.</param>
public sealed record ForkOrigin(string? HostName, string? Pairing, DateTimeOffset? HandedIn)
{
    /// <summary>Nothing is known.</summary>
    public static ForkOrigin Unknown { get; } = new(null, null, null);

    /// <summary>The host, for a person.</summary>
    public string Host => HostName ?? (Pairing is null ? "a host that the log does not name" : $"a host that is not paired any more ({Pairing[..8]})");
}
