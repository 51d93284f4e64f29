using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A lease that a host was told of.</summary>
internal sealed class SimLease
{
    /// <summary>Its number in this world: names in a trace are no random ids.</summary>
    internal required int Ordinal { get; init; }

    internal required ulong Id { get; init; }

    internal required ulong Term { get; init; }

    internal required int Session { get; init; }

    internal required SessionHandle Handle { get; init; }

    internal required int Host { get; init; }

    /// <summary>The entry of the commit that it goes on from; zero for none.</summary>
    internal required Digest Base { get; init; }

    /// <summary>The owner ended it, and was told that it is ended.</summary>
    internal bool IsBroken { get; set; }

    /// <summary>The owner took its keys away while it was open: its host reads nothing any more.</summary>
    internal bool IsRevoked { get; set; }

    public override string ToString() => $"lease {Ordinal} (s{Session}, host {Host})";
}
