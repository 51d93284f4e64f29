using System.Collections;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Freeing cells that nobody needs (rule 12, V-161 to V-165).</summary>
/// <remarks>
/// <code>
///   look: what is needed is kept by the index; all else is read and hashed, and kept if it is needed after all
///   map of the freed positions written, synced -> commit whose slot names it -> holes punched, empty segments deleted
/// </code>
/// A slot is never used twice. After a crash at any point the map either counts, and the next freeing punches again, or nothing happened.
/// </remarks>
public sealed partial class CellStore
{
    // One freeing at a time; leases append and commit meanwhile.
    private readonly Lock _freeGate = new();

    /// <summary>Positions that were freed.</summary>
    public long FreedCells => _freed.Count;

    /// <summary>Whether the index knows a place for this id that was not freed; the cell is not read.</summary>
    public bool IsKnown(in CellId id)
    {
        Check();
        Span<uint> candidates = stackalloc uint[CandidatesMax];
        foreach (uint position in candidates[..Guard(id, candidates)])
        {
            if (position < CellCount && !_freed.Contains(position))
                return true;
        }
        return false;
    }

    /// <summary>Frees the committed cells that nobody needs.</summary>
    /// <exception cref="VmPodException">Damaged: a cell that is needed is not there, so it cannot be told what else is: nothing was freed.
    /// NoSpace: not even the map could be written. <see cref="StorePoisonedException"/> for any other error.</exception>
    /// <exception cref="OperationCanceledException">Cancelled: nothing was freed, or on a file system without holes, a part.</exception>
    public FreeReport Free(FreeRequest request, CancellationToken cancel)
    {
        lock (_freeGate)
        {
            Check();
            // What comes later is not looked at.
            long end = _state.Cells;
            BitArray dead = FindDead(request, end, cancel);
            long deadCount = CountOf(dead, 0, end);
            if (request.IsDryRun)
            {
                bool holes = _access != StoreAccess.Write || HasHoles();
                long freed = holes ? deadCount : SparseSegments(dead, end).Sum(s => CountOf(dead, s.First, s.First + StoreLimits.SegmentCells));
                long moved = holes ? 0 : SparseSegments(dead, end).Sum(s => s.Kept);
                return new FreeReport(freed, (freed - moved) * CellBytes, moved, deadCount - freed, holes);
            }
            CheckWritable();
            if (HasHoles())
            {
                if (deadCount > 0)
                    CommitFreed(Positions(dead, 0, end), request.Head);
                PunchFreed(cancel);
                return new FreeReport(deadCount, deadCount * CellBytes, 0, 0, HasHoles: true);
            }
            return FreeSegments(request, dead, end, deadCount, cancel);
        }
    }

    private FreeReport FreeSegments(FreeRequest request, BitArray dead, long end, long deadCount, CancellationToken cancel)
    {
        DeleteFreed();
        long cells = 0, moved = 0;
        foreach ((long first, int kept) in SparseSegments(dead, end).OrderBy(s => s.Kept).ToList())
        {
            cancel.ThrowIfCancellationRequested();
            long last = first + StoreLimits.SegmentCells;
            if (!TryMove(dead, first, last))
                continue;
            CommitFreed(Enumerable.Range(0, StoreLimits.SegmentCells).Select(i => first + i), request.Head);
            DeleteFreed();
            cells += CountOf(dead, first, last);
            moved += kept;
        }
        return new FreeReport(cells, (cells - moved) * CellBytes, moved, deadCount - cells, HasHoles: false);
    }

    // One bit a position: nobody needs what stands there, and it was not freed yet.
    private BitArray FindDead(FreeRequest request, long end, CancellationToken cancel)
    {
        var kept = new BitArray(checked((int)end));
        var freed = _freed;
        Span<uint> candidates = stackalloc uint[CandidatesMax];
        foreach (var id in request.Needed.Enumerate())
        {
            cancel.ThrowIfCancellationRequested();
            bool isThere = false;
            foreach (uint position in candidates[..Guard(id, candidates)])
            {
                isThere |= !freed.Contains(position);
                if (position < end)
                    kept[(int)position] = true;
            }
            if (!isThere && request.MayBeMissing?.Invoke(id) != true)
            {
                throw new VmPodException(ExitCode.Damaged, $"Cell {id}, which a generation needs, is not there: nothing was freed.",
                    "Run podkeeper verify; restore what is missing, or forget what needs it.");
            }
        }
        var dead = new BitArray(checked((int)end));
        long done = 0;
        // The index is a cache: before a cell is given up its own bytes say that nobody needs it.
        CellScan.Run(_segments, CellBytes, 0, end, position => kept[(int)position] || freed.Contains(position), (position, id, cell) =>
        {
            bool isNeeded = id is { } known && (request.Needed.Contains(known) || (CellHeader.TryRead(cell, out var header) && request.IsHeld(header.KeyId)));
            if (!isNeeded)
            {
                lock (dead)
                    dead[(int)position] = true;
            }
            long now = Interlocked.Increment(ref done);
            if (now % ProgressCells == 0)
                request.Progress?.Report(new(now, end));
        }, cancel);
        return dead;
    }

    // Full segments that hold at least twice as many positions without use as cells that are needed, with the number of these.
    private IEnumerable<(long First, int Kept)> SparseSegments(BitArray dead, long end)
    {
        for (long first = 0; first + StoreLimits.SegmentCells <= end; first += StoreLimits.SegmentCells)
        {
            long last = first + StoreLimits.SegmentCells;
            long free = _freed.Runs(first, last).Sum(r => (long)r.Count), unused = CountOf(dead, first, last);
            int kept = (int)(StoreLimits.SegmentCells - free - unused);
            if (unused > 0 && kept <= StoreLimits.SegmentCells / 3)
                yield return (first, kept);
        }
    }

    // Stores the segment's needed cells anew. False if one is damaged: it stays where it is, as evidence.
    private bool TryMove(BitArray dead, long first, long last)
    {
        var cell = new byte[CellBytes];
        for (long position = first; position < last; position++)
        {
            if (dead[(int)position] || _freed.Contains(position))
                continue;
            if (!_segments.TryRead(position, cell) || CellId.Of(cell) is var id && !_index.Has(id, position))
                return false;
            lock (_appendGate)
            {
                CheckWritable();
                AppendRun([id], cell);
            }
        }
        return true;
    }

    // The map is durable before a slot names it, and the slot before anything is freed.
    private void CommitFreed(IEnumerable<long> positions, Func<CommitContext, HeadDraft> head)
    {
        lock (_commitGate)
        {
            CheckWritable();
            string name = _freedName == StoreNames.FreeMaps[0] ? StoreNames.FreeMaps[1] : StoreNames.FreeMaps[0];
            var map = FreeMap.None;
            if (_isMirror)
            {
                // No head of its own: the slots alone say it.
                (map, byte[] own) = _freed.With(positions, _state.Cells, Descriptor.VaultId, HeadHash);
                WriteFreeMap(name, own);
                ReplaceSlots(_state.Slot! with { Cells = FlushCells(), FreeMap = map.Hash });
                (_freed, _freedName) = (map, name);
                return;
            }
            _ = CommitNow([], head, headHash =>
            {
                (map, byte[] bytes) = _freed.With(positions, _state.Cells, Descriptor.VaultId, headHash);
                WriteFreeMap(name, bytes);
                return map.Hash;
            });
            (_freed, _freedName) = (map, name);
        }
    }

    private void WriteFreeMap(string name, byte[] bytes)
    {
        try
        {
            using var file = _disk.OpenOrCreate(name, out bool isNew);
            _disk.Truncate(file, name, 0);
            _disk.Write(file, name, bytes, 0);
            _disk.Sync(file, name);
            if (isNew)
                _disk.SyncFolder(StoreNames.Version);
        }
        catch (Exception e) when (StoreDisk.IsNoSpace(e))
        {
            // No slot names it.
            _disk.Delete(name);
            throw NoSpace(e);
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            throw Poison(e);
        }
    }

    // All that the map has, also what an earlier freeing was killed over: punching a hole again is harmless.
    private void PunchFreed(CancellationToken cancel)
    {
        DeleteFreed();
        foreach (var (first, count) in _freed.Runs(0, _freed.Positions))
        {
            cancel.ThrowIfCancellationRequested();
            Guard(() => _segments.Punch(first, count));
        }
    }

    // Segments of which nothing is left.
    private void DeleteFreed()
    {
        for (long first = 0; first + StoreLimits.SegmentCells <= _freed.Positions; first += StoreLimits.SegmentCells)
        {
            if (_freed.Runs(first, first + StoreLimits.SegmentCells).FirstOrDefault().Count == StoreLimits.SegmentCells)
                Guard(() => _segments.Delete(SegmentSet.Place(first).Segment));
        }
    }

    private bool HasHoles()
    {
        bool hasHoles = false;
        Guard(() =>
        {
            using (var probe = _disk.OpenOrCreate(StoreNames.Probe, out _))
                hasHoles = _disk.Punch(probe, StoreNames.Probe, 0, StoreLimits.CellUnitBytes);
            _disk.Delete(StoreNames.Probe);
        });
        return hasHoles;
    }

    private static long CountOf(BitArray bits, long from, long to)
    {
        long count = 0;
        for (long i = from; i < to; i++)
            count += bits[(int)i] ? 1 : 0;
        return count;
    }

    private static IEnumerable<long> Positions(BitArray bits, long from, long to)
    {
        for (long i = from; i < to; i++)
        {
            if (bits[(int)i])
                yield return i;
        }
    }
}
