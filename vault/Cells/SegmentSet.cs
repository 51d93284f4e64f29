using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>
/// The segment files: cells at a fixed stride, 1,024 a file, addressed by position (segment times 1,024 plus slot). Keeps a bounded number
/// of files open. Reading is thread-safe; writing, syncing and cutting are the owner's to serialise.
/// </summary>
internal sealed class SegmentSet(StoreDisk disk, int cellBytes, bool writable) : IDisposable
{
    // Enough that a lazy restore seldom reopens a file (8 GiB at 64 KiB), far below the usual limit of 1,024 descriptors.
    private const int OpenMax = 128;
    // Bounds what a sync has to write, and the descriptors that must stay open until it has: a sync reports an error to the descriptor
    // that wrote.
    private const int DirtyMax = 16;

    // Large enough for one long write to the disk, small against what a put writes: it is what a sync still has to wait for.
    private const int WritebackBytes = 4 << 20;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, SafeFileHandle> _open = [];
    private readonly Queue<int> _order = new();
    // Segment -> stamp of its newest write, so that a write during a sync leaves it dirty.
    private readonly SortedDictionary<int, long> _dirty = [];
    private readonly Lock _syncGate = new();
    private long _stamp;
    private bool _folderIsDirty;
    private bool _syncFailed;

    internal static (int Segment, int Slot) Place(long position) =>
        ((int)(position / StoreLimits.SegmentCells), (int)(position % StoreLimits.SegmentCells));

    /// <summary>Reads a cell; false if its file is missing, too short, or the disk cannot read it.</summary>
    internal bool TryRead(long position, Span<byte> cell)
    {
        var (segment, slot) = Place(position);
        if (Acquire(segment) is not { } file)
            return false;
        try
        {
            return StoreDisk.Read(file, cell, (long)slot * cellBytes) == cell.Length;
        }
        catch (IOException)
        {
            // A medium error: these bytes are lost, which is what the caller has to tell.
            return false;
        }
        finally
        {
            file.DangerousRelease();
        }
    }

    /// <summary>Writes whole cells that lie in one segment. On an error the file may hold a part of them.</summary>
    internal void Write(long position, ReadOnlySpan<byte> cells)
    {
        var (segment, slot) = Place(position);
        if (_dirty.Count >= DirtyMax && !_dirty.ContainsKey(segment))
            Sync();
        SafeFileHandle file;
        lock (_gate)
        {
            if (!_open.TryGetValue(segment, out file!))
            {
                file = disk.OpenOrCreate(StoreNames.Segment(segment), out bool isNew);
                _folderIsDirty |= isNew;
                Keep(segment, file);
            }
            _dirty[segment] = ++_stamp;
        }
        long offset = (long)slot * cellBytes;
        disk.Write(file, StoreNames.Segment(segment), cells, offset);
        BeginWriteback(file, offset, offset + cells.Length);
    }

    /// <summary>Makes everything written before the call durable, and the folder if a file is new.</summary>
    internal void Sync()
    {
        // One at a time, and never again after a failure: the kernel tells an open file of an error once, so of two syncs only one would
        // see it.
        lock (_syncGate)
        {
            if (_syncFailed)
                throw new IOException("an earlier sync failed");
            _syncFailed = true;
            SyncDirty();
            _syncFailed = false;
        }
    }

    /// <summary>Cuts the segments back to their first <paramref name="cells"/> cells. Never makes a file longer: a short one stays as the
    /// damage it is.</summary>
    internal void CutTo(long cells)
    {
        var (last, slots) = Place(cells);
        foreach (string path in Directory.EnumerateFiles(disk.PathOf(StoreNames.Segments)).Order(StringComparer.Ordinal).ToArray())
        {
            if (StoreNames.SegmentNumber(Path.GetFileName(path)) is not { } number || number < last)
                continue;
            if (number > last || slots == 0)
                Delete(number);
            else
                CutFile(number, (long)slots * cellBytes);
        }
    }

    /// <summary>Frees the space of cells that lie in a row, perhaps across segments.</summary>
    /// <exception cref="IOException">The disk failed, or the file system has no holes after all.</exception>
    internal void Punch(long position, long count)
    {
        while (count > 0)
        {
            var (segment, slot) = Place(position);
            int here = (int)Math.Min(count, StoreLimits.SegmentCells - slot);
            if (Acquire(segment) is { } file)
            {
                try
                {
                    if (!disk.Punch(file, StoreNames.Segment(segment), (long)slot * cellBytes, (long)here * cellBytes))
                        throw new IOException("the file system has no holes");
                }
                finally
                {
                    file.DangerousRelease();
                }
            }
            (position, count) = (position + here, count - here);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var file in _open.Values)
                file.Dispose();
            _open.Clear();
        }
    }

    // The disk writes while more cells are sealed: whenever a window is full, it is begun; the sync finds little left to wait for.
    private static void BeginWriteback(SafeFileHandle file, long offset, long end)
    {
        long first = offset / WritebackBytes * WritebackBytes, full = end / WritebackBytes * WritebackBytes;
        if (full > first)
            Libc.BeginWriteback(file, first, full - first);
    }

    private void SyncDirty()
    {
        (int Segment, long Stamp, SafeFileHandle File)[] dirty;
        bool folder;
        lock (_gate)
        {
            // A dirty segment is always open: Keep does not close it.
            dirty = [.. _dirty.Select(entry => (entry.Key, entry.Value, _open[entry.Key]))];
            (folder, _folderIsDirty) = (_folderIsDirty, false);
        }
        foreach (var (segment, _, file) in dirty)
            disk.Sync(file, StoreNames.Segment(segment));
        if (folder)
            disk.SyncFolder(StoreNames.Segments);
        lock (_gate)
        {
            foreach (var (segment, stamp, _) in dirty)
            {
                if (_dirty.TryGetValue(segment, out long newest) && newest == stamp)
                    _ = _dirty.Remove(segment);
            }
        }
    }

    private void CutFile(int segment, long length)
    {
        if (new FileInfo(disk.PathOf(StoreNames.Segment(segment))).Length <= length || Acquire(segment) is not { } file)
            return;
        try
        {
            disk.Truncate(file, StoreNames.Segment(segment), length);
        }
        finally
        {
            file.DangerousRelease();
        }
    }

    /// <summary>Removes a segment's file.</summary>
    internal void Delete(int segment)
    {
        lock (_gate)
        {
            _ = _dirty.Remove(segment);
            if (_open.Remove(segment, out var file))
                file.Dispose();
        }
        disk.Delete(StoreNames.Segment(segment));
    }

    // The caller releases the handle; until then it stays open even if it is dropped from the set.
    private SafeFileHandle? Acquire(int segment)
    {
        lock (_gate)
        {
            if (!_open.TryGetValue(segment, out var file))
            {
                file = disk.Open(StoreNames.Segment(segment), writable);
                if (file is null)
                    return null;
                Keep(segment, file);
            }
            bool isAdded = false;
            file.DangerousAddRef(ref isAdded);
            return file;
        }
    }

    private void Keep(int segment, SafeFileHandle file)
    {
        _open.Add(segment, file);
        _order.Enqueue(segment);
        // Oldest first; a dirty one goes to the back of the queue. Both sets are bounded, so this ends.
        for (int tries = _order.Count; _open.Count > OpenMax && tries > 0; tries--)
        {
            int oldest = _order.Dequeue();
            if (_dirty.ContainsKey(oldest) || oldest == segment)
                _order.Enqueue(oldest);
            else if (_open.Remove(oldest, out var old))
                old.Dispose();
        }
    }
}
