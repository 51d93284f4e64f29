using VmPod.PodKeeper.Tests.Cuts;
using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>
/// A pod that says what it likes: what a real one said to the same host, changed. It waits for each request as that one did; and once its host waits for what
/// will not come, it hangs up (who only stalls is cut off by the link's clocks, which HostilePeerTests of the wire show).
/// </summary>
internal sealed class HostilePod : Stream
{
    private readonly object gate = new();
    private readonly List<byte[]> frames;
    private readonly IReadOnlyList<int> heardBefore;
    private readonly MemoryStream said = new();
    private readonly Dictionary<uint, int> replies = [];
    private int requests, next, read, parsed;
    private bool isOver;

    /// <param name="frames">What it says.</param>
    /// <param name="heardBefore">After so many requests at the latest each frame of the real pod came.</param>
    internal HostilePod(IReadOnlyList<byte[]> frames, IReadOnlyList<int> heardBefore)
    {
        this.frames = [.. frames];
        this.heardBefore = heardBefore;
        Say(0);
        // Without a whole HELLO nothing is asked.
        isOver = parsed == 0;
    }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>What a pod said on a connection, frame by frame, and how many requests it had heard by each.</summary>
    internal static (List<byte[]> Frames, List<int> HeardBefore) Recorded(CutWire wires)
    {
        byte[] all = wires.Arrived(Way.ToHost);
        List<uint> asked = [.. WireFrames.In(wires.Arrived(Way.ToPod)).Select(f => f.Header.Request).Where(r => r != 0)];
        var frames = new List<byte[]>();
        var heard = new List<int>();
        foreach (WireFrames.Found frame in WireFrames.In(all).Where(f => f.IsWhole && f.Header.Type != WireType.Bye))
        {
            frames.Add(all[frame.At..frame.End]);
            heard.Add(asked.IndexOf(frame.Header.Request) + 1);
        }
        return (frames, heard);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        lock (gate)
        {
            while (read == said.Length && !isOver)
                _ = Monitor.Wait(gate);
            int taken = (int)Math.Min(buffer.Length, said.Length - read);
            said.GetBuffer().AsSpan(read, taken).CopyTo(buffer);
            read += taken;
            return taken;
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    // A link writes whole frames.
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        uint request = FrameHeader.Read(buffer).Request;
        if (request == 0)
            return;
        lock (gate)
        {
            requests++;
            Say(requests);
            isOver |= replies.GetValueOrDefault(request) < heardBefore.Count(h => h == requests);
            Monitor.PulseAll(gate);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>Ends it, from any thread.</summary>
    internal void Cut()
    {
        lock (gate)
        {
            isOver = true;
            Monitor.PulseAll(gate);
        }
    }

    protected override void Dispose(bool disposing)
    {
        Cut();
        base.Dispose(disposing);
    }

    private void Say(int heard)
    {
        // By place, not by content: what was dropped or put in moves all that comes after it.
        int until = heardBefore.Count(h => h <= heard);
        if (until == heardBefore.Count)
            until = frames.Count;
        for (; next < Math.Min(until, frames.Count); next++)
            said.Write(frames[next]);
        byte[] all = said.GetBuffer();
        while (parsed + WireLimits.HeaderBytes <= said.Length)
        {
            FrameHeader header = FrameHeader.Read(all.AsSpan(parsed));
            if (header.BodyBytes < 0 || parsed + WireLimits.HeaderBytes + header.BodyBytes > said.Length)
                break;
            replies[header.Request] = replies.GetValueOrDefault(header.Request) + 1;
            parsed += WireLimits.HeaderBytes + (int)header.BodyBytes;
        }
    }
}
