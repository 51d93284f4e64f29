namespace VmPod.Sync.Rsync.Deltas;

/// <summary>What a delta is made of.</summary>
/// <param name="CopiedBytes">Bytes that come from the basis.</param>
/// <param name="DataBytes">Bytes that it holds itself.</param>
/// <param name="FutileBytes">Bytes that were hashed because a rolling sum matched, and were no block.</param>
public readonly record struct DeltaSummary(long CopiedBytes, long DataBytes, long FutileBytes);
