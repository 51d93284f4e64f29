namespace VmPod.Vault.Codecs;

/// <summary>How hard zstd tries. Measured on the sessions of the benchmarks (vault/MEASUREMENTS.md); a reader takes either.</summary>
internal enum Effort
{
    /// <summary>Strategy fast: where someone waits for all of a session, or for a machine that stands still.</summary>
    Fast,

    /// <summary>Strategy dfast, with tables that stay in a core's cache: 1 to 3 % less, in a third more time. For what is new in a later generation.</summary>
    Thorough,

    /// <summary>Strategy lazy2: some 7 % less than <see cref="Fast"/> in five to six times the time. Where a link is slower than the CPU.</summary>
    Patient,

    /// <summary>Strategy btopt: 12 to 14 % less in thirty to forty times the time. Where a link is much slower.</summary>
    Exhaustive,
}
