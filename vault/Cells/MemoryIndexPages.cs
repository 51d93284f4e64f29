namespace VmPod.Vault.Cells;

/// <summary>Buckets in memory.</summary>
internal sealed class MemoryIndexPages(uint buckets) : IIndexPages
{
    private readonly byte[] _bytes = new byte[buckets * (long)IndexBucket.Size];

    public uint Buckets => buckets;

    public void Read(uint bucket, Span<byte> page) => _bytes.AsSpan((int)bucket * IndexBucket.Size, IndexBucket.Size).CopyTo(page);

    public void Write(uint bucket, ReadOnlySpan<byte> page) => page.CopyTo(_bytes.AsSpan((int)bucket * IndexBucket.Size));

    public void Dispose()
    {
    }
}
