namespace VmPod.Sync.Wire;

/// <summary>
/// The caller's memory, given out in blocks for frames and taken back in any order: what waits on a link is bounded by it. Whoever finds no room
/// waits. Each block is zeroed when it comes back.
/// </summary>
internal sealed class FrameMemory(Memory<byte> memory)
{
    private readonly object gate = new();
    private readonly List<(int Offset, int Length)> taken = [];      // ascending, disjoint
    private bool isClosed;

    /// <summary>Bytes that are out.</summary>
    internal int TakenBytes
    {
        get
        {
            lock (gate)
                return taken.Sum(t => t.Length);
        }
    }

    /// <summary>A block of exactly <paramref name="length"/> bytes, once there is room. False if the memory was closed, or the time is over.</summary>
    internal bool TryTake(int length, Deadline deadline, out FrameBlock block)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, memory.Length);
        block = default;
        lock (gate)
        {
            while (!isClosed)
            {
                if (TryPlace(length, out int offset))
                {
                    block = new FrameBlock(this, offset, memory.Slice(offset, length));
                    return true;
                }
                if (!Monitor.Wait(gate, deadline.Remaining))
                    return false;
            }
        }
        return false;
    }

    /// <summary>Wakes all that wait; nothing is given out any more. What is out stays good until it comes back.</summary>
    internal void Close()
    {
        lock (gate)
        {
            isClosed = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Zeroes what is out and will not come back: its holders have ended.</summary>
    internal void ZeroRest()
    {
        lock (gate)
        {
            foreach ((int offset, int length) in taken)
                memory.Span.Slice(offset, length).Clear();
        }
    }

    internal void Return(int offset, Memory<byte> block)
    {
        block.Span.Clear();
        lock (gate)
        {
            taken.RemoveAt(taken.FindIndex(t => t.Offset == offset));
            Monitor.PulseAll(gate);
        }
    }

    private bool TryPlace(int length, out int offset)
    {
        offset = 0;
        for (int i = 0; i <= taken.Count; i++)
        {
            int end = i < taken.Count ? taken[i].Offset : memory.Length;
            if (end - offset >= length)
            {
                taken.Insert(i, (offset, length));
                return true;
            }
            if (i < taken.Count)
                offset = end + taken[i].Length;
        }
        return false;
    }
}
