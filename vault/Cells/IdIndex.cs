using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>
/// Where each cell may stand. A cache over the segments: lost, stale or damaged, it is built anew from them. Thread-safe.
/// A writer keeps it in v1/index; a reader, which changes nothing, holds what the file lacks in memory.
/// </summary>
/// <remarks>
/// No entry is of a cell that was cut off: another one comes to stand at its position, and the id would seem to be there though no cell is read. A cancelled
/// put takes its entries back; those that a crash left lie beyond what the file covers, and go when it is next opened.
/// </remarks>
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

    // What the file's header says: nothing was added since it was saved.
    private bool _isExact;

    private IdIndex(StoreDisk disk, UInt128 vaultId, bool writable, Func<long> cells, Action<long, long, Action<long, CellId?>> scan) =>
        (_disk, _vaultId, _writable, _cells, _scan) = (disk, vaultId, writable, cells, scan);

    /// <summary>Cells that the file on disk certainly covers.</summary>
    internal long Covered { get; private set; }

    /// <summary>Whether the file on disk certainly has no entry beyond <see cref="Covered"/>.</summary>
    internal bool IsExact
    {
        get
        {
            lock (_gate)
                return _isExact;
        }
    }

    /// <summary>Opens the index and makes it cover all cells.</summary>
    /// <param name="disk">The store's files.</param>
    /// <param name="vaultId">The vault that the index must belong to.</param>
    /// <param name="writable">Whether the file may be changed.</param>
    /// <param name="committed">How many cells are committed: no more are ever covered.</param>
    /// <param name="cells">How many cells the store has now.</param>
    /// <param name="scan">Hashes the cells of a range of positions.</param>
    internal static IdIndex Open(StoreDisk disk, UInt128 vaultId, bool writable, long committed, Func<long> cells,
        Action<long, long, Action<long, CellId?>> scan)
    {
        var index = new IdIndex(disk, vaultId, writable, cells, scan);
        try
        {
            index._table = IndexFile.TryOpen(disk, vaultId, writable, out long covered, out bool isExact);
            // Not where the file covers too much: cells that will be appended now must not count as covered after a crash.
            index._isExact = isExact && covered == committed && cells() == committed;
            if (index._table is null)
                index.Rebuild();
            else
                index.CatchUp(Math.Min(covered, committed));
            if (writable && !index._isExact)
                index.Save(committed, isExact: cells() == committed);
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
            // Durable before the first entry that a crash could leave behind.
            if (_isExact)
                Save(Covered, isExact: false);
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

    /// <summary>Takes an entry back: its cell is cut off.</summary>
    internal void Drop(in CellId id, long position)
    {
        lock (_gate)
        {
            try
            {
                _table!.Drop(id.Value, (uint)position);
            }
            // A table that is made anew has what the store counts, and this is not counted any more.
            catch (IndexDamagedException)
            {
                Rebuild();
            }
        }
    }

    /// <summary>Makes the file cover the first <paramref name="cells"/> cells, which are committed.</summary>
    /// <param name="cells">How many.</param>
    /// <param name="isExact">The store has no others.</param>
    internal void Save(long cells, bool isExact)
    {
        lock (_gate)
        {
            IndexFile.Save(_disk, _table!, _vaultId, cells, isExact);
            (Covered, _isExact) = (cells, isExact);
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
        if (!_writable)
            found = OnlyCovered(positions[..found]);
        return found + (_overlay?.Find(id.Value, positions[found..]) ?? 0);
    }

    // What a reader finds beyond that in the file may be left over; what stands there it has in memory.
    private int OnlyCovered(Span<uint> positions)
    {
        int kept = 0;
        foreach (uint position in positions)
        {
            if (position < Covered)
                positions[kept++] = position;
        }
        return kept;
    }

    private void CatchUp(long covered)
    {
        long cells = _cells();
        Covered = _entries = covered;
        try
        {
            if (!_writable)
            {
                if (Covered < cells)
                    _overlay = Fill(new IndexTable(new MemoryIndexPages(IndexTable.BucketsFor(cells - Covered)), 0), Covered, cells);
            }
            else if (!_isExact)
            {
                _table!.DropFrom(Covered);
                if (cells > _table.EntriesMax)
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
            (_entries, Covered, _isExact) = (cells, 0, false);
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
            _isExact = false;
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
