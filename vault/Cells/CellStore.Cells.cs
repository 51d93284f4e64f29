using System.Buffers;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Reading and appending cells.</summary>
public sealed partial class CellStore
{
    // Cells of one write. Also what a duplicate within a batch is looked for in.
    private const int RunCells = 64;

    /// <summary>Whether the cell is there and sound: it is read and hashed.</summary>
    /// <exception cref="DamagedCellException">It is there, damaged, and there is no other copy.</exception>
    public bool Contains(in CellId id)
    {
        var cell = ArrayPool<byte>.Shared.Rent(CellBytes);
        try
        {
            return TryRead(id, cell.AsSpan(0, CellBytes));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(cell);
        }
    }

    /// <summary>Reads a cell of <see cref="CellBytes"/> bytes; false if the vault does not have it. What is returned hashes to the
    /// id.</summary>
    /// <exception cref="DamagedCellException">It is there, damaged, and there is no other copy.</exception>
    public bool TryRead(in CellId id, Span<byte> cell)
    {
        Check();
        if (cell.Length != CellBytes)
            throw new ArgumentException($"A cell has {CellBytes} bytes.", nameof(cell));
        long damaged = Locate(id, cell, out bool isFound);
        if (isFound)
            return true;
        cell.Clear();
        if (damaged < 0)
            return false;
        var (segment, slot) = SegmentSet.Place(damaged);
        throw new DamagedCellException(id, segment, slot);
    }

    /// <summary>Appends a cell unless it is there. Durable after <see cref="Flush"/>, kept after <see cref="Commit"/>.</summary>
    /// <param name="id">The id of these bytes. The caller has computed it; it is not computed again.</param>
    /// <param name="cell">The cell.</param>
    /// <exception cref="VmPodException">NoSpace: nothing was appended, and the store goes on. <see cref="StorePoisonedException"/> for any
    /// other error.</exception>
    public void Append(in CellId id, ReadOnlySpan<byte> cell) => Append([id], cell);

    /// <summary>Appends cells that lie one after the other, those that are not there yet, in as few writes as possible.</summary>
    /// <param name="ids">The ids of the cells, in order. The caller has computed them.</param>
    /// <param name="cells">The cells: <see cref="CellBytes"/> bytes for each id.</param>
    /// <returns>How many were new.</returns>
    /// <exception cref="VmPodException">NoSpace: none of the cells that did not fit was appended, and the store goes on.
    /// <see cref="StorePoisonedException"/> for any other error.</exception>
    public int Append(ReadOnlySpan<CellId> ids, ReadOnlySpan<byte> cells)
    {
        CheckWritable();
        if (cells.Length != ids.Length * (long)CellBytes)
            throw new ArgumentException($"A cell has {CellBytes} bytes, and there is one for each id.", nameof(cells));
        int added = 0;
        lock (_appendGate)
        {
            CheckWritable();
            for (int start = 0; start < ids.Length;)
            {
                if (IsPresent(ids[start]))
                {
                    start++;
                    continue;
                }
                int count = RunLength(ids[start..]);
                AppendRun(ids.Slice(start, count), cells.Slice(start * CellBytes, count * CellBytes));
                added += count;
                start += count;
            }
        }
        return added;
    }

    /// <summary>Makes all cells appended before the call durable: after it they may be acknowledged.</summary>
    /// <exception cref="StorePoisonedException">The disk failed; they may not.</exception>
    public void Flush()
    {
        lock (_commitGate)
        {
            CheckWritable();
            _ = FlushCells();
        }
    }

    /// <summary>Cuts off every cell appended since the last commit (rule 22): to every reader the vault is as it was.</summary>
    public void DiscardUncommitted()
    {
        lock (_commitGate)
        {
            lock (_appendGate)
            {
                CheckWritable();
                if (_cells == _state.Cells)
                    return;
                long end = _cells;
                Volatile.Write(ref _cells, _state.Cells);
                Guard(() => DropEntries(_state.Cells, end));
                Guard(() => _segments.CutTo(_state.Cells));
            }
        }
    }

    // Their ids are no longer known: other cells will stand where these stood. No more is hashed than was sent.
    private void DropEntries(long from, long end) => CellScan.Run(_segments, CellBytes, from, end, static _ => false, (position, id, _) =>
    {
        if (id is { } known)
            _index.Drop(known, position);
    }, CancellationToken.None);

    // The run of cells from the first that are new, lie in one segment, and are all different.
    private int RunLength(ReadOnlySpan<CellId> ids)
    {
        int max = Math.Min(Math.Min(ids.Length, RunCells), StoreLimits.SegmentCells - SegmentSet.Place(_cells).Slot);
        int count = 1;
        while (count < max && !ids[..count].Contains(ids[count]) && !IsPresent(ids[count]))
            count++;
        return count;
    }

    private bool IsPresent(in CellId id)
    {
        Span<uint> candidates = stackalloc uint[CandidatesMax];
        // Nearly always there is no candidate, and no cell needs to be read.
        if (Guard(id, candidates) == 0)
            return false;
        var cell = ArrayPool<byte>.Shared.Rent(CellBytes);
        try
        {
            // A damaged copy does not count: the cell is appended again, which heals it.
            _ = Locate(id, cell.AsSpan(0, CellBytes), out bool isFound);
            return isFound;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(cell);
        }
    }

    private void AppendRun(ReadOnlySpan<CellId> ids, ReadOnlySpan<byte> cells)
    {
        long position = _cells;
        if (position + ids.Length > (long)StoreLimits.SegmentsMax * StoreLimits.SegmentCells)
            throw new VmPodException(ExitCode.NoSpace, "The vault has as many cells as a vault can have.");
        try
        {
            _index.Reserve(ids.Length);
            _segments.Write(position, cells);
        }
        catch (Exception e) when (StoreDisk.IsNoSpace(e))
        {
            // A part of the cells may be there.
            Guard(() => _segments.CutTo(position));
            throw NoSpace(e);
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            throw Poison(e);
        }
        try
        {
            _index.Add(ids, position);
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            throw Poison(e);
        }
        Volatile.Write(ref _cells, position + ids.Length);
    }

    // Reads the first sound copy; else the position of a damaged one, or -1.
    private long Locate(in CellId id, Span<byte> cell, out bool isFound)
    {
        Span<uint> candidates = stackalloc uint[CandidatesMax];
        int count = Guard(id, candidates);
        long damaged = -1, end = CellCount;
        isFound = false;
        foreach (uint position in candidates[..count])
        {
            if (position >= end || _freed.Contains(position))
                continue;
            if (!_segments.TryRead(position, cell))
            {
                damaged = position;
                continue;
            }
            var actual = CellId.Of(cell);
            if (actual == id)
            {
                isFound = true;
                return -1;
            }
            // Either these bytes are damaged, or our entry is left over from a cancelled put and another cell stands here now. That one is
            // known here under its own name; damaged bytes are not.
            if (!_index.Has(actual, position))
                damaged = position;
        }
        return damaged;
    }

    // Returns how many cells are durable: all that were appended when it began.
    private long FlushCells()
    {
        long cells = CellCount;
        Guard(_segments.Sync);
        return cells;
    }

    private int Guard(in CellId id, Span<uint> candidates)
    {
        try
        {
            return _index.Find(id, candidates);
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            // Only a writer that had to build a damaged index anew gets here.
            throw StoreDisk.IsNoSpace(e) ? NoSpace(e) : Poison(e);
        }
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            throw Poison(e);
        }
    }
}
