namespace VmPod.Vault.Format;

/// <summary>128 bits of a PRF over a chunk's plaintext, under a key of the lease that wrote it; never leaves sealed cells (rule 32).</summary>
/// <param name="LeaseId">The lease whose tag key made it; 0 with <paramref name="Value"/> 0 for a chunk that became zero.</param>
/// <param name="Value">The tag.</param>
public readonly record struct ChangeTag(ulong LeaseId, UInt128 Value)
{
    /// <summary>A chunk that became zero.</summary>
    public bool IsZero => LeaseId == 0 && Value == 0;
}
