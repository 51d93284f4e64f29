namespace VmPod.Vault.Images;

/// <summary>Bounds of a <see cref="SessionImage"/>.</summary>
public sealed record SessionImageOptions
{
    /// <summary>Locked bytes of plaintext that was written and is not sealed yet (rule 8). Full: it is sealed and spilled, and writers wait.</summary>
    public long OverlayBytes { get; init; } = 128L << 20;

    /// <summary>Locked bytes of decoded chunks (rule 13).</summary>
    public long CacheBytes { get; init; } = 96L << 20;

    /// <summary>Threads that encode while sealing: as many as the machine has, for a guest that is suspended or checkpointed waits for them.</summary>
    public int EncodeThreads { get; init; } = Environment.ProcessorCount;
}
