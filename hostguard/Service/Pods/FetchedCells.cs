using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.HostGuard.Pods;

/// <summary>
/// Cells that this host fetched or made under a lease: sealed, in a file without a name, and the keys of the fetched ones in locked memory. What was here
/// once can be opened again without the pod: a residue is sealed with the pod gone, and nothing goes over the air twice.
/// </summary>
/// <remarks>
/// Nothing readable reaches the disk, and with this object the keys and the file are gone. Cells are written by a thread of their own: a guest that waits for
/// one does not wait for this host's disk, and nor does whoever wipes. Thread-safe.
/// </remarks>
internal sealed class FetchedCells : IDisposable
{
    private const int KeyBytes = 32, KeysOfOneBlock = 4096;

    // Longer than a disk's hiccup, shorter than what a link takes for silence: it is the link's own thread that waits.
    private static readonly TimeSpan AheadPatience = TimeSpan.FromMilliseconds(200);

    private readonly object gate = new();
    private readonly Dictionary<CellId, int> places = [];
    private readonly Dictionary<CellId, byte[]> unwritten = [];
    private readonly Queue<CellId> toWrite = [];
    private readonly Stack<byte[]> spare = [];
    private readonly List<LockedMemory> keys = [];
    private readonly SafeFileHandle file;
    private readonly int cellBytes;
    private readonly int cellsMax;
    private Thread? writer;
    private int count;
    private bool isFull, isImpatient, isDisposed;

    /// <summary>An empty one.</summary>
    /// <param name="folder">A folder of this host; the file in it has no name.</param>
    /// <param name="cellBytes">Bytes of a cell.</param>
    /// <param name="bytesMax">The most bytes of cells that it keeps; further ones are let go.</param>
    public FetchedCells(string folder, int cellBytes, long bytesMax)
    {
        this.cellBytes = cellBytes;
        cellsMax = (int)Math.Min(int.MaxValue, bytesMax / cellBytes);
        string path = Path.Combine(folder, "fetched.bin");
        file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite);
        // A killed process leaves nothing behind: the kernel frees what has no name.
        File.Delete(path);
    }

    /// <summary>Keeps a cell, unless it is full. Waits for a disk that does not keep up, until <see cref="EndWaiting"/>: a residue needs what was
    /// read.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="key">Its key, 32 bytes; empty for a cell of this host's own lease, which needs none.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="isAhead">Nobody waits for it: it is let go if the disk does not keep up.</param>
    public void Add(in CellId id, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell, bool isAhead = false)
    {
        lock (gate)
        {
            if (HasRoomFor(id, isAhead))
            {
                key.CopyTo(KeyAt(count));
                Enqueue(id, cell);
            }
        }
    }

    /// <summary>Keeps a cell that came without its key, unless it is full, the disk does not keep up, or its key cannot be derived.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="reading">Derives the key.</param>
    public void AddSealed(in CellId id, ReadOnlySpan<byte> cell, HomeReading reading)
    {
        lock (gate)
        {
            if (HasRoomFor(id, isAhead: true) && reading.TryDeriveKey(cell, KeyAt(count)))
                Enqueue(id, cell);
        }
    }

    /// <summary>From now on nobody waits for a disk that does not keep up: what it has no room for is let go.</summary>
    public void EndWaiting()
    {
        lock (gate)
        {
            isImpatient = true;
            Monitor.PulseAll(gate);
        }
    }

    private bool HasRoomFor(in CellId id, bool isAhead)
    {
        long since = Stopwatch.GetTimestamp();
        while (true)
        {
            if (isDisposed || isFull || count >= cellsMax || places.ContainsKey(id))
                return false;
            if (unwritten.Count < HostLimits.UnwrittenCellsMax)
                break;
            TimeSpan left = isAhead ? AheadPatience - Stopwatch.GetElapsedTime(since) : Timeout.InfiniteTimeSpan;
            if (isImpatient || (isAhead && left <= TimeSpan.Zero))
                return false;
            _ = Monitor.Wait(gate, left);
        }
        if (count / KeysOfOneBlock >= keys.Count)
            keys.Add(new LockedMemory(KeysOfOneBlock * KeyBytes));
        return true;
    }

    private void Enqueue(in CellId id, ReadOnlySpan<byte> cell)
    {
        byte[] copy = spare.TryPop(out byte[]? room) ? room : new byte[cellBytes];
        cell.CopyTo(copy);
        places.Add(id, count++);
        unwritten.Add(id, copy);
        toWrite.Enqueue(id);
        if (writer is null)
        {
            writer = new Thread(WriteAll) { IsBackground = true, Name = "kept cells" };
            writer.Start();
        }
        Monitor.PulseAll(gate);
    }

    private void WriteAll()
    {
        while (TryNext(out CellId id, out int place, out byte[] cell))
        {
            try
            {
                Libc.Write(file, cell, place * (long)cellBytes);
                Done(id, cell);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // It is a convenience: a host without room reads from the pod alone.
                LetGo();
                return;
            }
        }
    }

    private bool TryNext(out CellId id, out int place, out byte[] cell)
    {
        lock (gate)
        {
            while (toWrite.Count == 0 && !isDisposed)
                _ = Monitor.Wait(gate);
            if (isDisposed)
            {
                (id, place, cell) = (default, 0, []);
                return false;
            }
            id = toWrite.Dequeue();
            (place, cell) = (places[id], unwritten[id]);
            return true;
        }
    }

    private void Done(in CellId id, byte[] cell)
    {
        lock (gate)
        {
            // Gone meanwhile, if it was disposed.
            if (!unwritten.Remove(id))
                return;
            spare.Push(cell);
            Monitor.PulseAll(gate);
        }
    }

    private void LetGo()
    {
        lock (gate)
        {
            isFull = true;
            foreach (CellId id in unwritten.Keys)
                _ = places.Remove(id);
            unwritten.Clear();
            toWrite.Clear();
            spare.Clear();
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>True if a cell is here.</summary>
    public bool Has(in CellId id)
    {
        lock (gate)
            return places.ContainsKey(id);
    }

    /// <summary>Reads a cell back. False if it is not here.</summary>
    /// <param name="id">The cell.</param>
    /// <param name="key">Gets its key; zeros for one of the own lease. May be empty if only those are asked for.</param>
    /// <param name="cell">Gets the cell. Its id is the caller's to check.</param>
    public bool TryRead(in CellId id, Span<byte> key, Span<byte> cell)
    {
        int place;
        lock (gate)
        {
            if (isDisposed || !places.TryGetValue(id, out place))
                return false;
            bool isOwn = KeyAt(place).IndexOfAnyExcept((byte)0) < 0;
            if (isOwn != key.IsEmpty)
                return false;
            if (!isOwn)
                KeyAt(place).CopyTo(key);
            if (unwritten.TryGetValue(id, out byte[]? waiting))
            {
                waiting.CopyTo(cell);
                return true;
            }
        }
        try
        {
            if (RandomAccess.Read(file, cell, place * (long)cellBytes) == cell.Length)
                return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // As if it were not here.
        }
        key.Clear();
        return false;
    }

    /// <summary>Zeroes the keys and frees the file.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (isDisposed)
                return;
            isDisposed = true;
            places.Clear();
            unwritten.Clear();
            toWrite.Clear();
            spare.Clear();
            foreach (LockedMemory block in keys)
                block.Dispose();
            Monitor.PulseAll(gate);
        }
        file.Dispose();
    }

    private Span<byte> KeyAt(int place) => keys[place / KeysOfOneBlock].Slice((long)(place % KeysOfOneBlock) * KeyBytes, KeyBytes);
}
