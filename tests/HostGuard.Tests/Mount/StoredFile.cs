using VmPod.HostGuard.Mount;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>A writable file kept in an array, which counts barriers and zeroed ranges.</summary>
internal sealed class StoredFile(string name, int size, MountedFileKind kind, bool writable = true)
    : MountedFile(name, size, kind, writable)
{
    private readonly Lock gate = new();
    private int flushes;

    internal byte[] Content { get; } = new byte[size];

    internal List<(long Offset, long Length)> Zeroed { get; } = [];

    internal int Flushes => Volatile.Read(ref flushes);

    public override void Read(long offset, Span<byte> into)
    {
        lock (gate)
            Content.AsSpan((int)offset, into.Length).CopyTo(into);
    }

    public override void Write(long offset, ReadOnlySpan<byte> data)
    {
        lock (gate)
            data.CopyTo(Content.AsSpan((int)offset));
    }

    public override void Flush() => Interlocked.Increment(ref flushes);

    public override void Zero(long offset, long length)
    {
        lock (gate)
            Zeroed.Add((offset, length));
        base.Zero(offset, length);
    }

    internal byte[] Snapshot()
    {
        lock (gate)
            return [.. Content];
    }
}
