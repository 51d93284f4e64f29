namespace VmPod.Sync.Wire;

/// <summary>
/// The sending half of a link: one thread that writes whole frames, urgent ones before bulk, and a beat whenever one is due. It waits for nobody
/// but the stream, so a beat is late by one frame at most.
/// </summary>
internal sealed class FrameSender
{
    private readonly Stream stream;
    private readonly TimeProvider time;
    private readonly Func<uint, Beat> beat;
    private readonly Action<Exception> failed;
    private readonly FrameMemory urgentMemory, bulkMemory;
    private readonly Queue<FrameBlock> urgentFrames = new(), bulkFrames = new();
    private readonly BulkPace pace;
    private readonly object gate = new();
    private readonly Thread thread;
    private long writingSince;
    private bool isClosing;

    internal FrameSender(Stream stream, Memory<byte> memory, TimeProvider time, long? bulkBytesPerSecond, Func<uint, Beat> beat, Action<Exception> failed)
    {
        pace = new BulkPace(bulkBytesPerSecond, time);
        this.stream = stream;
        this.time = time;
        this.beat = beat;
        this.failed = failed;
        urgentMemory = new(memory[..WireLimits.UrgentSendBytes]);
        bulkMemory = new(memory[WireLimits.UrgentSendBytes..WireLimits.SendBytes]);
        thread = new Thread(Run) { IsBackground = true, Name = "wire send" };
    }

    /// <summary>How long the frame that is being written has been waiting for the peer to take it; zero if none is.</summary>
    internal TimeSpan WritingFor => Interlocked.Read(ref writingSince) is var since and not 0 ? time.GetElapsedTime(since) : TimeSpan.Zero;

    internal void Start() => thread.Start();

    /// <summary>Memory for a frame, its header written. Waits while too much waits to be sent.</summary>
    internal FrameBlock Reserve(WireType type, uint request, int bodyBytes, bool urgent, Deadline deadline = default)
    {
        if (!(urgent ? urgentMemory : bulkMemory).TryTake(WireLimits.HeaderBytes + bodyBytes, deadline, out FrameBlock block))
            throw deadline.IsOver ? WireFault.NoAnswer(deadline) : WireFault.Lost("it was ended");
        new FrameHeader(type, request, bodyBytes).WriteTo(block.Span);
        return block;
    }

    /// <summary>Queues a frame: urgent ones keep their order, and bulk ones theirs.</summary>
    internal void Send(FrameBlock block, bool urgent)
    {
        lock (gate)
        {
            (urgent ? urgentFrames : bulkFrames).Enqueue(block);
            Monitor.Pulse(gate);
        }
    }

    internal void Send(IWireMessage message, uint request, bool urgent, Deadline deadline = default)
    {
        WireRule rule = WireRule.Of(message.Type, 0)!.Value;
        if (message.BodyBytes < rule.BodyMin || message.BodyBytes > rule.BodyMax)
            throw new ArgumentException($"{message.Type} has {rule.BodyMin} to {rule.BodyMax} bytes, not {message.BodyBytes}.", nameof(message));
        FrameBlock block = Reserve(message.Type, request, message.BodyBytes, urgent, deadline);
        try
        {
            message.WriteTo(block.Span[WireLimits.HeaderBytes..]);
        }
        catch
        {
            block.Return();
            throw;
        }
        Send(block, urgent);
    }

    /// <summary>Sends what is queued, then a BYE, then nothing more; waits for it, but not long.</summary>
    internal void Finish(TimeSpan atMost)
    {
        lock (gate)
        {
            isClosing = true;
            Monitor.Pulse(gate);
        }
        if (thread.IsAlive && Thread.CurrentThread != thread)
            _ = thread.Join(atMost);
    }

    /// <summary>Ends it at once: who waits for room is woken. The stream is cut by the caller.</summary>
    internal void Close()
    {
        urgentMemory.Close();
        bulkMemory.Close();
        Finish(TimeSpan.Zero);
    }

    /// <summary>Zeroes frames that were never sent.</summary>
    internal void ZeroRest()
    {
        urgentMemory.ZeroRest();
        bulkMemory.ZeroRest();
    }

    /// <summary>Waits until the thread has let go of the caller's memory.</summary>
    internal void Join()
    {
        if (Thread.CurrentThread != thread && thread.ThreadState != (ThreadState.Background | ThreadState.Unstarted))
            thread.Join();
    }

    /// <summary>The frame that is to be written next; whoever takes it returns it.</summary>
    internal bool TryNext(out FrameBlock block)
    {
        lock (gate)
        {
            bool isUrgent = urgentFrames.TryDequeue(out block);
            if (!isUrgent && (pace.Wait > TimeSpan.Zero || !bulkFrames.TryDequeue(out block)))
                return false;
            pace.Took(block.Span.Length, isUrgent);
            return true;
        }
    }

    private void Run()
    {
        Span<byte> small = stackalloc byte[WireLimits.HeaderBytes + 32];
        uint count = 0;
        long lastBeat = 0;
        try
        {
            while (true)
            {
                FrameBlock block = default;
                bool isBeat = false, isBye = false;
                lock (gate)
                {
                    while (true)
                    {
                        TimeSpan until = count == 0 ? TimeSpan.Zero : WireLimits.BeatEvery - time.GetElapsedTime(lastBeat);
                        isBeat = until <= TimeSpan.Zero;
                        if (isBeat || TryNext(out block))
                            break;
                        isBye = isClosing && bulkFrames.Count == 0;
                        if (isBye)
                            break;
                        // Whole milliseconds: a wait of less returns at once.
                        TimeSpan held = bulkFrames.Count > 0 ? pace.Wait + TimeSpan.FromMilliseconds(1) : until;
                        _ = Monitor.Wait(gate, held < until ? held : until);
                    }
                }
                if (isBeat)
                {
                    lastBeat = time.GetTimestamp();
                    Beat next = beat(unchecked(++count));
                    new FrameHeader(WireType.Beat, 0, next.BodyBytes).WriteTo(small);
                    next.WriteTo(small.Slice(WireLimits.HeaderBytes, next.BodyBytes));
                    Write(small[..(WireLimits.HeaderBytes + next.BodyBytes)]);
                }
                else if (isBye)
                {
                    new FrameHeader(WireType.Bye, 0, 0).WriteTo(small);
                    Write(small[..WireLimits.HeaderBytes]);
                    return;
                }
                else
                {
                    try
                    {
                        Write(block.Span);
                    }
                    finally
                    {
                        block.Return();
                    }
                }
            }
        }
        catch (Exception e)     // of the stream, whatever it is made of: it ends the link and never the process
        {
            failed(e);
        }
    }

    private void Write(ReadOnlySpan<byte> frame)
    {
        Interlocked.Exchange(ref writingSince, time.GetTimestamp());
        stream.Write(frame);
        stream.Flush();
        Interlocked.Exchange(ref writingSince, 0);
    }
}
