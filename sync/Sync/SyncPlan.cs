using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync;

/// <summary>
/// What to send next, as sync/SPEC.md says: the cells that are here and not there, by need. Pure: it knows ids, and neither keys, nor
/// stores, nor a link.
/// </summary>
/// <remarks>
/// The two lists are streamed side by side, and a heap keeps the <c>cellsMax</c> most needed: time is that of one pass, memory is that of
/// the plan. What does not fit is counted; once the planned cells are durable there, the next plan begins where this one ended.
/// </remarks>
public sealed class SyncPlan
{
    private static readonly Comparer<(uint Need, CellId Id)> LeastNeededFirst =
        Comparer<(uint Need, CellId Id)>.Create(static (a, b) => b.CompareTo(a));

    private SyncPlan(CellId[] cells, long missing)
    {
        Cells = cells;
        MissingCount = missing;
    }

    /// <summary>The cells to send, in this order.</summary>
    public IReadOnlyList<CellId> Cells { get; }

    /// <summary>All cells that are here and not there: those of <see cref="Cells"/> and those that did not fit.</summary>
    public long MissingCount { get; }

    /// <summary>True if nothing is missing there once <see cref="Cells"/> have arrived.</summary>
    public bool IsAll => Cells.Count == MissingCount;

    /// <summary>Plans.</summary>
    /// <param name="here">The ids of this side, ascending, none twice.</param>
    /// <param name="there">The ids that the other side says it has, ascending, none twice. Not trusted; read only as far as it
    /// matters.</param>
    /// <param name="needOf">How soon a missing cell is needed: 0 first. Asked once for each.</param>
    /// <param name="cellsMax">The most cells of the plan, 1 to <see cref="SyncLimits.PlanCellsMax"/>.</param>
    /// <param name="listedIdsMax">The most ids taken from the other side.</param>
    /// <exception cref="ArgumentException">This side's list is out of order: a bug of the caller.</exception>
    /// <exception cref="VmPodException">The other side's list is out of order or holds an id twice (exit code 5), or is too long
    /// (8).</exception>
    public static SyncPlan Make(IEnumerable<CellId> here, IEnumerable<CellId> there, Func<CellId, uint> needOf, int cellsMax,
        long listedIdsMax = SyncLimits.ListedIdsMax)
    {
        ArgumentNullException.ThrowIfNull(here);
        ArgumentNullException.ThrowIfNull(there);
        ArgumentNullException.ThrowIfNull(needOf);
        ArgumentOutOfRangeException.ThrowIfLessThan(cellsMax, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cellsMax, SyncLimits.PlanCellsMax);
        var kept = new PriorityQueue<CellId, (uint Need, CellId Id)>(LeastNeededFirst);
        long missing = 0;
        using var theirs = new Listing(there, listedIdsMax);
        CellId? last = null;
        foreach (CellId id in here)
        {
            if (last is { } before && before >= id)
                throw new ArgumentException("The ids of this side do not ascend.", nameof(here));
            last = id;
            if (theirs.Has(id))
                continue;
            missing++;
            (uint Need, CellId Id) rank = (needOf(id), id);
            if (kept.Count < cellsMax)
                kept.Enqueue(id, rank);
            else
                _ = kept.EnqueueDequeue(id, rank);      // the least needed goes out again
        }
        var cells = new CellId[kept.Count];
        for (int i = cells.Length - 1; i >= 0; i--)
            cells[i] = kept.Dequeue();
        return new SyncPlan(cells, missing);
    }

    /// <summary>The other side's list, read forward and checked as it is read.</summary>
    private sealed class Listing : IDisposable
    {
        private readonly IEnumerator<CellId> ids;
        private readonly long max;
        private long count;
        private CellId? current;

        public Listing(IEnumerable<CellId> list, long max)
        {
            ids = list.GetEnumerator();
            this.max = max;
            Advance();
        }

        /// <summary>Whether it holds an id; ids are asked in ascending order.</summary>
        public bool Has(CellId id)
        {
            while (current is { } at && at < id)
                Advance();
            return current == id;
        }

        public void Dispose() => ids.Dispose();

        private void Advance()
        {
            CellId? before = current;
            current = ids.MoveNext() ? ids.Current : null;
            if (current is null)
                return;
            if (++count > max)
                throw new VmPodException(ExitCode.NoSpace, $"The other side lists more than {max} cells.",
                    "No vault has so many: do not sync with it.");
            if (before >= current)
                throw new VmPodException(ExitCode.Damaged, "The other side lists its cells out of order.",
                    "Do not sync with it before it is verified.");
        }
    }
}
