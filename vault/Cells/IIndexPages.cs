namespace VmPod.Vault.Cells;

/// <summary>Where the buckets of an index lie: in a file for a writer, in memory for what a reader may not write down.</summary>
internal interface IIndexPages : IDisposable
{
    /// <summary>Buckets of the table.</summary>
    uint Buckets { get; }

    /// <summary>Fills the span with a bucket's 512 bytes.</summary>
    void Read(uint bucket, Span<byte> page);

    /// <summary>Replaces a bucket.</summary>
    void Write(uint bucket, ReadOnlySpan<byte> page);
}
