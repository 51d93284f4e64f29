using System.Collections;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Verifying without a key.</summary>
public sealed partial class CellStore
{
    private const long ProgressCells = 256;

    /// <summary>
    /// Reads and hashes every committed cell and every log entry, on two threads, and says what is damaged and what is missing.
    /// </summary>
    /// <param name="needed">The ids that must be there; enumerated once, after the cells were read.</param>
    /// <param name="progress">Told every 256 cells, or null.</param>
    /// <param name="cancel">Stops it.</param>
    public VerifyReport Verify(IEnumerable<CellId> needed, IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        Check();
        var state = _state;
        // One bit a cell: its bytes hash to the id under which the index knows this place.
        var isSound = new BitArray(checked((int)state.Cells));
        long done = 0;
        var freed = _freed;
        CellScan.Run(_segments, CellBytes, 0, state.Cells, freed.Contains, (position, id, _) =>
        {
            bool ok = id is { } known && _index.Has(known, position);
            lock (isSound)
                isSound[(int)position] = ok;
            long now = Interlocked.Increment(ref done);
            if (now % ProgressCells == 0 || now == state.Cells)
                progress?.Report(new(now, state.Cells));
        }, cancel);
        var damaged = new SortedDictionary<long, (CellId? Id, bool IsNeeded)>();
        long damagedCount = 0;
        for (int position = 0; position < isSound.Count; position++)
        {
            if (isSound[position] || freed.Contains(position))
                continue;
            if (damagedCount++ < VerifyReport.ListedMax)
                damaged[position] = (null, false);
        }
        var missing = new List<CellId>();
        var (neededCount, missingCount) = (0L, 0L);
        foreach (var id in needed)
        {
            cancel.ThrowIfCancellationRequested();
            neededCount++;
            if (IsCovered(id, isSound, damaged))
                continue;
            if (missingCount++ < VerifyReport.ListedMax)
                missing.Add(id);
        }
        return new VerifyReport
        {
            Cells = state.Cells - freed.Count,
            Freed = freed.Count,
            Needed = neededCount,
            DamagedCount = damagedCount,
            Damaged = [.. damaged.Select(entry => Describe(entry.Key, entry.Value.Id, entry.Value.IsNeeded))],
            MissingCount = missingCount,
            Missing = missing,
            LogDamage = VerifyLog(state, cancel),
            NewestHeadLost = NewestHeadLost,
        };
    }

    /// <summary>Reads and hashes every entry of the log: true if they are those that the head signs. Needs no key.</summary>
    public bool IsLogSound(CancellationToken cancel)
    {
        Check();
        return VerifyLog(_state, cancel) is null;
    }

    private static DamagedCell Describe(long position, CellId? id, bool isNeeded)
    {
        var (segment, slot) = SegmentSet.Place(position);
        return new DamagedCell(id, segment, slot, isNeeded);
    }

    // Whether a sound copy of the id stands in the vault; damaged copies are given its name.
    private bool IsCovered(in CellId id, BitArray isSound, SortedDictionary<long, (CellId? Id, bool IsNeeded)> damaged)
    {
        Span<uint> candidates = stackalloc uint[CandidatesMax];
        candidates = candidates[..Guard(id, candidates)];
        bool isCovered = false;
        foreach (uint position in candidates)
            isCovered |= position < isSound.Count && isSound[(int)position];
        foreach (uint position in candidates)
        {
            if (damaged.ContainsKey(position))
                damaged[position] = (id, !isCovered);
        }
        return isCovered;
    }

    // The head signs the tree over all entries before it; its own hash stands in the slot.
    private string? VerifyLog(StoreState state, CancellationToken cancel)
    {
        var frontier = LogFrontier.Empty;
        long offset = 0;
        try
        {
            while (offset < state.LogBytes)
            {
                cancel.ThrowIfCancellationRequested();
                var header = LogFile.ReadHeader(_log, offset, state.LogBytes);
                frontier = frontier.Append(LogFile.Hash(_log, header));
                offset = header.Next;
            }
        }
        catch (Exception e) when (e is IOException or VmPodException)
        {
            return $"the entry at byte {offset} cannot be read";
        }
        return frontier.Equals(state.Frontier) ? null : "its entries are not those that the head signs";
    }
}
