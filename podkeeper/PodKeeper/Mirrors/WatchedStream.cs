namespace VmPod.PodKeeper.Mirrors;

/// <summary>A stream that is only read, and that somebody is told of when nobody speaks: a read of a pipe cannot be given up otherwise.</summary>
public sealed class WatchedStream : Stream
{
    private readonly Stream inner;
    private readonly TimeSpan patience;
    private readonly Timer timer;

    /// <summary>Watches a stream.</summary>
    /// <param name="inner">The stream; the caller's.</param>
    /// <param name="patience">How long a read may wait.</param>
    /// <param name="silent">Told, from another thread, that it waited longer.</param>
    public WatchedStream(Stream inner, TimeSpan patience, Action silent)
    {
        (this.inner, this.patience) = (inner, patience);
        timer = new Timer(_ => silent(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        timer.Change(patience, Timeout.InfiniteTimeSpan);
        try
        {
            return inner.Read(buffer);
        }
        finally
        {
            timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            timer.Dispose();
        base.Dispose(disposing);
    }
}
