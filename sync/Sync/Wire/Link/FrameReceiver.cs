using VmPod.Foundation;

namespace VmPod.Sync.Wire;

/// <summary>The receiving half of a link: reads headers, checks them against the rules, and only then reads a body into the caller's memory.</summary>
internal sealed class FrameReceiver(Stream stream, WireRole peer, Memory<byte> memory, TimeProvider time)
{
    private readonly FrameMemory frames = new(memory);
    private long heard = time.GetTimestamp(), frameSince, lastByte;
    private int isWaiting;

    /// <summary>When the last byte came (monotonic timestamp of the clock).</summary>
    internal long LastHeard => Interlocked.Read(ref heard);

    /// <summary>How long nothing came; zero while this side does not listen, because its own workers are behind.</summary>
    internal TimeSpan SilentFor => Volatile.Read(ref isWaiting) != 0 ? TimeSpan.Zero : time.GetElapsedTime(LastHeard);

    /// <summary>How long the peer has been sending the frame that is not whole yet.</summary>
    internal TimeSpan FrameFor => Since(ref frameSince);

    /// <summary>How long no byte of that frame came.</summary>
    internal TimeSpan StalledFor => Since(ref lastByte);

    /// <summary>Reads a frame whose header follows the rules.</summary>
    /// <exception cref="VmPodException">A rule is broken (5), or the stream ended within a frame (7).</exception>
    internal (FrameHeader Header, FrameBlock Body) Read(int cellBytes, bool isHelloDue)
    {
        Span<byte> bytes = stackalloc byte[WireLimits.HeaderBytes];
        try
        {
            Fill(bytes);
            FrameHeader header = FrameHeader.Read(bytes);
            Check(header, cellBytes, isHelloDue);
            if (!TryTake((int)header.BodyBytes, out FrameBlock body))
                throw WireFault.Lost("it was ended");
            try
            {
                Fill(body.Span);
            }
            catch
            {
                body.Return();
                throw;
            }
            return (header, body);
        }
        finally
        {
            Interlocked.Exchange(ref frameSince, 0);
            Interlocked.Exchange(ref lastByte, 0);
        }
    }

    internal void Close() => frames.Close();

    /// <summary>Zeroes frames that nobody works off any more.</summary>
    internal void ZeroRest() => frames.ZeroRest();

    /// <summary>Bytes of frames that were received and are not worked off.</summary>
    internal int WaitingBytes => frames.TakenBytes;

    /// <summary>This side stops listening, because its own workers are behind: what follows is no silence of the peer.</summary>
    internal void BeginPause() => Volatile.Write(ref isWaiting, 1);

    internal void EndPause()
    {
        Interlocked.Exchange(ref heard, time.GetTimestamp());
        Volatile.Write(ref isWaiting, 0);
    }

    private void Check(FrameHeader header, int cellBytes, bool isHelloDue)
    {
        string what = $"a frame of type {(byte)header.Type:x2}";
        if (WireRule.Of(header.Type, cellBytes) is not { } rule)
            throw WireFault.Broken($"{what}, which does not exist");
        if (isHelloDue != (header.Type == WireType.Hello))
            throw WireFault.Broken(isHelloDue ? $"{what} before its HELLO" : "a second HELLO");
        if (rule.Sender is { } sender && sender != peer)
            throw WireFault.Broken($"{what}, which only the other side sends");
        if ((rule.Kind == FrameKind.OneWay) != (header.Request == 0))
            throw WireFault.Broken($"{what} with the request number {header.Request}");
        if (header.BodyBytes < rule.BodyMin || header.BodyBytes > rule.BodyMax)
            throw WireFault.Broken($"{what} of {header.BodyBytes} bytes, which may have {rule.BodyMin} to {rule.BodyMax}");
    }

    private bool TryTake(int length, out FrameBlock body)
    {
        // The clocks of the peer's frame stand still while it is we who wait.
        Interlocked.Exchange(ref frameSince, 0);
        Interlocked.Exchange(ref lastByte, 0);
        BeginPause();
        bool taken = frames.TryTake(length, default, out body);
        EndPause();
        long now = time.GetTimestamp();
        Interlocked.Exchange(ref frameSince, now);
        Interlocked.Exchange(ref lastByte, now);
        return taken;
    }

    private void Fill(Span<byte> into)
    {
        while (!into.IsEmpty)
        {
            int read = stream.Read(into);
            if (read <= 0)
                throw WireFault.Lost(Interlocked.Read(ref frameSince) == 0 ? "the other side closed it" : "it ended in the middle of a frame");
            long now = time.GetTimestamp();
            Interlocked.Exchange(ref heard, now);
            Interlocked.Exchange(ref lastByte, now);
            _ = Interlocked.CompareExchange(ref frameSince, now, 0);
            into = into[read..];
        }
    }

    private TimeSpan Since(ref long start) => Interlocked.Read(ref start) is var since and not 0 ? time.GetElapsedTime(since) : TimeSpan.Zero;
}
