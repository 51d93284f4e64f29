using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>
/// Where each cell may stand. A cache over the segments: lost, stale or damaged, it is built anew from them. Thread-safe.
/// A writer keeps it in v1/index; a reader, which changes nothing, holds what the file lacks in memory.
/// </summary>
internal sealed class IdIndex : IDisposable
{
    /// <summary>Cells that are hashed again after an unclean end, at most: a quarter of a second at 64 KiB. A sync of the index each commit
    /// would cost more.</summary>
    internal const long UnsavedMax = 4096;

    private readonly Lock _gate = new();
    private readonly StoreDisk _disk;
    private readonly UInt128 _vaultId;
    private readonly bool _writable;
    private readonly Action<long, long, Action<long, CellId?>> _scan;
    private readonly Func<long> _cells;
    private IndexTable? _table;
    private IndexTable? _overlay;
    private long _entries;

    private IdIndex(StoreDisk disk, UInt128 vaultId, bool writable, Func<long> cells, Action<long, long, Action<long, CellId?>> scan) =>
        (_disk, _vaultId, _writable, _cells, _scan) = (disk, vaultId, writable, cells, scan);

    /// <summary>Cells that the file on disk certainly covers.</summary>
    internal long Covered { get; private set; }

    /// <summary>Opens the index and makes it cover all cells.</summary>
    /// <param name="disk">The store's files.</param>
    /// <param name="vaultId">The vault that the index must belong to.</param>
    /// <param name="writable">Whether the file may be changed.</param>
    /// <param name="cells">How many cells the store has now.</param>
    /// <param name="scan">Hashes the cells of a range of positions.</param>
    internal static IdIndex Open(StoreDisk disk, UInt128 vaultId, bool writable, Func<long> cells,
        Action<long, long, Action<long, CellId?>> scan)
    {
        var index = new IdIndex(disk, vaultId, writable, cells, scan);
        try
        {
            index._table = IndexFile.TryOpen(disk, vaultId, writable, out long covered);
            if (index._table is null)
                index.Rebuild();
            else
                index.CatchUp(covered);
            // Also where the file covers too much: cells that will be appended now must not count as covered after a crash.
            if (writable && (index.Covered != cells() || covered != index.Covered))
                index.Save(cells());
            return index;
        }
        catch
        {
            index.Dispose();
            throw;
        }
    }

    /// <summary>Positions where the id may stand.</summary>
    internal int Find(in CellId id, Span<uint> positions)
    {
        lock (_gate)
        {
            try
            {
                return FindNow(id, positions);
            }
            catch (IndexDamagedException)
            {
                Rebuild();
                return FindNow(id, positions);
            }
        }
    }

    /// <summary>Whether the index says that this id stands at this position.</summary>
    internal bool Has(in CellId id, long position)
    {
        Span<uint> positions = stackalloc uint[CellStore.CandidatesMax];
        return positions[..Find(id, positions)].Contains((uint)position);
    }

    /// <summary>Makes room for more entries, before their cells are written: a full disk is told here, with nothing changed.</summary>
    internal void Reserve(int more)
    {
        lock (_gate)
        {
            if (_entries + more > _table!.EntriesMax || _table.IsCrowded)
                Grow(more);
        }
    }

    /// <summary>Adds cells that were written one after the other, and that the store does not count yet.</summary>
    internal void Add(ReadOnlySpan<CellId> ids, long position)
    {
        lock (_gate)
        {
            try
            {
                AddNow(ids, position);
            }
            // A table that is made anew has what the store counts, so all of these are added once more.
            catch (IndexDamagedException)
            {
                Rebuild();
                AddNow(ids, position);
            }
            catch (IndexFullException)
            {
                Grow(ids.Length);
                AddNow(ids, position);
            }
        }
    }

    /// <summary>Makes the file cover the first <paramref name="cells"/> cells, which are committed.</summary>
    internal void Save(long cells)
    {
        lock (_gate)
        {
            IndexFile.Save(_disk, _table!, _vaultId, cells);
            Covered = cells;
        }
    }

    public void Dispose()
    {
        _table?.Dispose();
        _overlay?.Dispose();
    }

    private void AddNow(ReadOnlySpan<CellId> ids, long position)
    {
        for (int i = 0; i < ids.Length; i++)
            _entries += _table!.Add(ids[i].Value, (uint)(position + i)) ? 1 : 0;
    }

    private int FindNow(in CellId id, Span<uint> positions)
    {
        int found = _table?.Find(id.Value, positions) ?? 0;
        return found + (_overlay?.Find(id.Value, positions[found..]) ?? 0);
    }

    private void CatchUp(long covered)
    {
        long cells = _cells();
        Covered = _entries = Math.Min(covered, cells);
        try
        {
            if (!_writable)
            {
                if (Covered < cells)
                    _overlay = Fill(new IndexTable(new MemoryIndexPages(IndexTable.BucketsFor(cells - Covered)), 0), Covered, cells);
            }
            else if (covered != cells)
            {
                if (cells > _table!.EntriesMax)
                    Grow(cells - Covered);
                Complete(cells);
                _entries = Math.Max(_entries, cells);
            }
        }
        catch (IndexDamagedException)
        {
            Rebuild();
        }
    }

    // How many entries were left over is not known when the store is opened: the table may have less room than its cells say.
    private void Complete(long cells)
    {
        try
        {
            _ = Fill(_table!, Covered, cells, clear: false);
        }
        catch (IndexFullException)
        {
            Rebuild();
        }
    }

    private void Rebuild()
    {
        long cells = _cells();
        uint buckets = IndexTable.BucketsFor(cells);
        // The old table goes once the new one stands: if that fails for want of space, the next use tries again.
        if (_writable)
        {
            var draft = Fill(IndexFile.CreateDraft(_disk, buckets), 0, cells, clear: false);
            _table?.Dispose();
            // Only committed cells may count as covered: the store saves again when it commits.
            _table = IndexFile.Publish(_disk, draft, _vaultId, covered: 0);
            (_entries, Covered) = (cells, 0);
            return;
        }
        var overlay = Fill(new IndexTable(new MemoryIndexPages(buckets), 0), 0, cells);
        _table?.Dispose();
        _overlay?.Dispose();
        (_table, _overlay) = (null, overlay);
    }

    private IndexTable Fill(IndexTable table, long from, long to, bool clear = true)
    {
        if (clear)
            table.Clear();
        var gate = new Lock();
        _scan(from, to, (position, id) =>
        {
            if (id is not { } known)
                return;
            lock (gate)
                _ = table.Add(known.Value, (uint)position);
        });
        return table;
    }

    // Entries beyond the cells that the store has are left over from appends that were taken back: they stay behind.
    private void Grow(long more)
    {
        long end = _cells();
        IndexTable? draft = null;
        try
        {
            draft = IndexFile.CreateDraft(_disk, IndexTable.BucketsFor(_table!.Count(end) + more));
            _entries = draft.AddAll(_table, end);
            var old = _table;
            _table = IndexFile.Publish(_disk, draft, _vaultId, Covered);
            old!.Dispose();
        }
        catch (IndexDamagedException)
        {
            draft?.Dispose();
            Rebuild();
        }
        catch
        {
            // A draft on a full disk would keep the space that the next try needs.
            draft?.Dispose();
            _disk.Delete(StoreNames.IndexDraft);
            throw;
        }
    }
}
