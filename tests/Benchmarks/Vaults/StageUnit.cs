namespace VmPod.Benchmarks.Vaults;

/// <summary>What a <see cref="Stage"/> works on, which says how its time grows from the sample to a whole put.</summary>
internal enum StageUnit
{
    /// <summary>Bytes of plaintext.</summary>
    Plaintext,

    /// <summary>Cells.</summary>
    Cell,
}
