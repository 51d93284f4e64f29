using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.HostGuard.Pods;

/// <summary>
/// Cells that this host fetched or made under a lease: sealed, in a file without a name, and the keys of the fetched ones in locked memory. What was here
/// once can be opened again without the pod: a residue is sealed with the pod gone, and nothing goes over the air twice.
/// </summary>
/// <remarks>Nothing readable reaches the disk, and with this object the keys and the file are gone. Thread-safe.</remarks>
internal sealed class FetchedCells : IDisposable
{
    private const int KeyBytes = 32, KeysOfOneBlock = 4096;

    private readonly Lock gate = new();
    private readonly Dictionary<CellId, int> places = [];
    private readonly List<LockedMemory> keys = [];
    private readonly SafeFileHandle file;
    private readonly int cellBytes;
    private readonly int cellsMax;
    private int count;
    private bool isFull, isDisposed;

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

    /// <summary>Keeps a cell, unless it is full.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="key">Its key, 32 bytes; empty for a cell of this host's own lease, which needs none.</param>
    /// <param name="cell">The cell.</param>
    public void Add(in CellId id, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell)
    {
        int place;
        lock (gate)
        {
            if (!HasRoomFor(id, out place))
                return;
            key.CopyTo(KeyAt(place));
            count++;
        }
        Store(id, place, cell);
    }

    /// <summary>Keeps a cell that came without its key, unless it is full, or its key cannot be derived.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="cell">The cell.</param>
    /// <param name="reading">Derives the key.</param>
    public void AddSealed(in CellId id, ReadOnlySpan<byte> cell, HomeReading reading)
    {
        int place;
        lock (gate)
        {
            if (!HasRoomFor(id, out place) || !reading.TryDeriveKey(cell, KeyAt(place)))
                return;
            count++;
        }
        Store(id, place, cell);
    }

    private bool HasRoomFor(in CellId id, out int place)
    {
        place = count;
        if (isDisposed || isFull || count >= cellsMax || places.ContainsKey(id))
            return false;
        if (place / KeysOfOneBlock >= keys.Count)
            keys.Add(new LockedMemory(KeysOfOneBlock * KeyBytes));
        return true;
    }

    private void Store(in CellId id, int place, ReadOnlySpan<byte> cell)
    {
        try
        {
            Libc.Write(file, cell, place * (long)cellBytes);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // It is a convenience: a host without room reads from the pod alone.
            isFull = true;
            return;
        }
        lock (gate)
            _ = places.TryAdd(id, place);
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
            foreach (LockedMemory block in keys)
                block.Dispose();
        }
        file.Dispose();
    }

    private Span<byte> KeyAt(int place) => keys[place / KeysOfOneBlock].Slice((long)(place % KeysOfOneBlock) * KeyBytes, KeyBytes);
}
