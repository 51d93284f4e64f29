namespace VmPod.PodKeeper.Tests.Cuts;

/// <summary>Which way bytes go.</summary>
public enum Way
{
    ToPod,
    ToHost,
}

/// <summary>
/// Two ends of a connection in memory that is cut once so many bytes have gone one way. These arrive, as does what went the other way until then; nothing
/// after it does, in either direction: who writes writes into the air, who reads finds the end behind what arrived. It keeps all that arrived.
/// </summary>
internal sealed class CutWire
{
    private readonly object gate = new();
    private readonly Lane toPod, toHost;
    private bool isCut;

    /// <param name="way">Which way the bytes are counted.</param>
    /// <param name="after">The cut is after so many of them.</param>
    internal CutWire(Way way = Way.ToPod, long after = long.MaxValue)
    {
        toPod = new Lane(way == Way.ToPod ? after : long.MaxValue);
        toHost = new Lane(way == Way.ToHost ? after : long.MaxValue);
        (Host, Pod) = (new End(this, toHost, toPod), new End(this, toPod, toHost));
        isCut = after == 0;
    }

    internal Stream Host { get; }

    internal Stream Pod { get; }

    /// <summary>True once it is.</summary>
    internal bool IsCut
    {
        get
        {
            lock (gate)
                return isCut;
        }
    }

    /// <summary>Cuts it now.</summary>
    internal void Cut()
    {
        lock (gate)
        {
            isCut = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>All bytes that arrived.</summary>
    internal byte[] Arrived(Way way)
    {
        lock (gate)
            return (way == Way.ToPod ? toPod : toHost).Bytes.ToArray();
    }

    /// <summary>Waits until what arrived at the host is as wanted, or nothing more can come. False if that takes too long.</summary>
    internal bool WaitAtHost(Func<ReadOnlySpan<byte>, bool> isEnough, TimeSpan patience)
    {
        long until = Environment.TickCount64 + (long)patience.TotalMilliseconds;
        lock (gate)
        {
            while (!isCut && !isEnough(toHost.Bytes))
            {
                long left = until - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(gate, (int)left))
                    return false;
            }
            return true;
        }
    }

    private sealed class Lane(long limit)
    {
        private byte[] bytes = new byte[4096];
        private int count, read;

        internal ReadOnlySpan<byte> Bytes => bytes.AsSpan(0, count);

        internal bool IsEmpty => read == count;

        // True if it is cut by this.
        internal bool Write(ReadOnlySpan<byte> more)
        {
            int taken = (int)Math.Min(more.Length, limit - count);
            if (count + taken > bytes.Length)
                Array.Resize(ref bytes, Math.Max(count + taken, 2 * bytes.Length));
            more[..taken].CopyTo(bytes.AsSpan(count));
            count += taken;
            return count == limit;
        }

        internal int Read(Span<byte> into)
        {
            int taken = Math.Min(into.Length, count - read);
            bytes.AsSpan(read, taken).CopyTo(into);
            read += taken;
            return taken;
        }
    }

    private sealed class End(CutWire wire, Lane from, Lane to) : Stream
    {
        public override bool CanRead => true;

        public override bool CanWrite => true;

        public override bool CanSeek => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            lock (wire.gate)
            {
                while (from.IsEmpty && !wire.isCut)
                    _ = Monitor.Wait(wire.gate);
                return from.Read(buffer);
            }
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (wire.gate)
            {
                if (!wire.isCut)
                    wire.isCut = to.Write(buffer);
                Monitor.PulseAll(wire.gate);
            }
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            wire.Cut();
            base.Dispose(disposing);
        }
    }
}
