using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.Vault.Images;

/// <summary>
/// What was written and is not sealed: frames of locked memory, in two layers. The guest writes to the current one; the frozen one is being sealed and does
/// not change. Safe for parallel use; who works on a chunk holds its stripe (see <see cref="SessionImage"/>).
/// </summary>
internal sealed class Overlay : IDisposable
{
    private readonly LockedMemory memory;
    private readonly Stack<int> free = new();
    private readonly Dictionary<ChunkKey, Frame> current = [];
    private readonly Dictionary<ChunkKey, Frame> frozen = [];
    private readonly Lock gate = new();

    /// <summary>An overlay in memory that is its own from now on.</summary>
    public Overlay(LockedMemory memory)
    {
        this.memory = memory;
        int frames = (int)(memory.Length / FormatLimits.ChunkBytes);
        FrameCount = frames;
        for (int i = frames - 1; i >= 0; i--)
            free.Push(i);
    }

    /// <summary>Frames in all.</summary>
    public int FrameCount { get; }

    /// <summary>Frames that are free.</summary>
    public int FreeCount
    {
        get
        {
            lock (gate)
                return free.Count;
        }
    }

    /// <summary>Bytes of frames in use, of streams that the filter takes. Chunks of zeros use none.</summary>
    public long UsedBytes(Func<uint, bool> stream)
    {
        lock (gate)
            return current.Values.Concat(frozen.Values).LongCount(f => !f.IsZero && stream(f.Key.Stream)) * FormatLimits.ChunkBytes;
    }

    /// <summary>The bytes of a frame that is not zeros.</summary>
    public Span<byte> Bytes(Frame frame) => memory.Slice((long)frame.Index * FormatLimits.ChunkBytes, FormatLimits.ChunkBytes);

    /// <summary>Both layers of a chunk.</summary>
    public (Frame? Current, Frame? Frozen) Find(ChunkKey key)
    {
        lock (gate)
            return (current.GetValueOrDefault(key), frozen.GetValueOrDefault(key));
    }

    /// <summary>The current frame of a chunk, made if there is none. Null if no frame is free.</summary>
    public Frame? FindOrAdd(ChunkKey key)
    {
        lock (gate)
        {
            if (current.TryGetValue(key, out Frame? frame) && !frame.IsZero)
                return frame;
            if (!free.TryPop(out int index))
                return null;
            // Free memory is zero: what was a chunk of zeros is one still.
            frame = new Frame(index, key) { Valid = frame?.Valid ?? 0 };
            current[key] = frame;
            return frame;
        }
    }

    /// <summary>Makes a chunk zero, without memory: what the current layer had of it is dropped. The caller holds its stripe.</summary>
    public void SetZero(ChunkKey key)
    {
        lock (gate)
        {
            if (current.TryGetValue(key, out Frame? frame))
                Release(frame);
            current[key] = Frame.Zero(key);
        }
    }

    /// <summary>Moves the current frames of some streams to the frozen layer, which must be empty, and gives them in order. No write may
    /// be under way.</summary>
    public List<Frame> Freeze(Func<uint, bool> stream)
    {
        lock (gate)
        {
            if (frozen.Count > 0)
                throw new InvalidOperationException("The frozen layer is still being sealed.");
            foreach (Frame frame in current.Values.Where(f => stream(f.Key.Stream)).ToList())
            {
                current.Remove(frame.Key);
                frozen.Add(frame.Key, frame);
            }
            return [.. frozen.Values.OrderBy(f => f.Key)];
        }
    }

    /// <summary>Puts frozen frames that could not be sealed back under the current ones. Pages written since then win. Stripes of all are
    /// held by the caller's stop of writers.</summary>
    public void Thaw()
    {
        lock (gate)
        {
            foreach (Frame frame in frozen.Values)
            {
                if (!current.TryGetValue(frame.Key, out Frame? newer))
                {
                    current.Add(frame.Key, frame);
                    continue;
                }
                for (int page = 0; page < FormatLimits.ChunkBytes / FormatLimits.PageBytes; page++)
                {
                    if (!frame.Has(page) || newer.Has(page))
                        continue;
                    // Pages that were not written are zero already.
                    if (!frame.IsZero)
                        Bytes(frame).Slice(page * FormatLimits.PageBytes, FormatLimits.PageBytes).CopyTo(Bytes(newer)[(page * FormatLimits.PageBytes)..]);
                    newer.Take(page);
                }
                Release(frame);
            }
            frozen.Clear();
        }
    }

    /// <summary>Drops a frozen frame that is sealed. The caller holds its stripe.</summary>
    public void DropFrozen(Frame frame)
    {
        lock (gate)
        {
            frozen.Remove(frame.Key);
            Release(frame);
        }
    }

    /// <summary>Zeroes all of it. Nobody may be using it.</summary>
    public void Clear()
    {
        lock (gate)
        {
            memory.Clear();
            foreach (Frame frame in current.Values.Concat(frozen.Values).Where(f => !f.IsZero))
                free.Push(frame.Index);
            current.Clear();
            frozen.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private void Release(Frame frame)
    {
        if (frame.IsZero)
            return;
        Bytes(frame).Clear();
        free.Push(frame.Index);
    }
}
