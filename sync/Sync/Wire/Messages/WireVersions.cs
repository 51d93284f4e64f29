namespace VmPod.Sync.Wire;

/// <summary>The versions of the wire that a side speaks, from the oldest to the newest.</summary>
/// <param name="Min">The oldest.</param>
/// <param name="Max">The newest.</param>
public readonly record struct WireVersions(ushort Min, ushort Max)
{
    /// <summary>This program's.</summary>
    public static WireVersions Own => new(WireLimits.VersionMin, WireLimits.VersionMax);

    /// <summary>The version of a link between two sides that have one in common: the newest that both speak (S-66).</summary>
    public int With(WireVersions other) => Math.Min(Max, other.Max);
}
