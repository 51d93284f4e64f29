using VmPod.HostGuard.Mount;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>A file whose reads, and barriers if asked, wait, as for a link that is gone, until they are let go or abandoned.</summary>
internal sealed class BlockedFile(string name, MountedFileKind kind = MountedFileKind.Disk, bool blockFlush = false)
    : MountedFile(name, 1 << 20, kind, writable: true), IDisposable
{
    private readonly ManualResetEventSlim released = new();
    private int waiting;

    internal int Waiting => Volatile.Read(ref waiting);

    public override void Read(long offset, Span<byte> into)
    {
        Interlocked.Increment(ref waiting);
        released.Wait();
        into.Fill(7);
    }

    public override void Write(long offset, ReadOnlySpan<byte> data)
    {
    }

    public override void Flush()
    {
        if (!blockFlush)
            return;
        Interlocked.Increment(ref waiting);
        released.Wait();
    }

    public override void Abandon() => released.Set();

    internal void Release() => released.Set();

    public void Dispose() => released.Dispose();
}
