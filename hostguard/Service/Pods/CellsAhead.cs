using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;

namespace VmPod.HostGuard.Pods;

/// <summary>
/// Fetches cells before anybody waits for them: as many under way as the link takes, so that the way there and back is not waited for once a cell. Where the
/// link is slow, few are: who waits for a cell that was not fetched ahead must not stand behind a long queue. Thread-safe.
/// </summary>
/// <remarks>
/// The link's delay is not known, and its rate changes: the number grows while answers take no longer than the quickest so far did, and shrinks when they
/// begin to queue. What comes is kept sealed, with its key, where it is looked for first.
/// </remarks>
internal sealed class CellsAhead(int cellBytes, CellsAhead.Keeper keep, Predicate<CellId> isHere)
{
    // Small, so that what comes is used as it comes; a question of four ids is 140 bytes.
    private const int CellsOfOneRequest = 4;

    // At least two requests, so that one is on its way while the other is answered. At most 16 MiB: 1 Gbit/s for an eighth of a second.
    private const int UnderWayMin = 2 * CellsOfOneRequest, UnderWayMax = 64 * CellsOfOneRequest;

    // Who waits urgently stands behind it at most: as long as a person hardly feels.
    private static readonly TimeSpan QueueMax = TimeSpan.FromMilliseconds(150);

    // How often it is asked whether to go on.
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    private readonly Keeper keeper = keep;
    private readonly object gate = new();
    private readonly HashSet<CellId> coming = [], claimed = [];
    private TimeSpan quickest = TimeSpan.MaxValue;
    private int underWayMost = UnderWayMin;

    /// <summary>Keeps a cell that came. Not checked against its id.</summary>
    /// <param name="id">Which was asked for.</param>
    /// <param name="key">Its key; empty if cells alone were asked for.</param>
    /// <param name="cell">The cell.</param>
    internal delegate void Keeper(in CellId id, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell);

    /// <summary>Asks the pod.</summary>
    /// <param name="request">For what.</param>
    /// <param name="sink">Gets what comes.</param>
    internal delegate ValueTask Asker(CellsRequest request, ICellSink sink);

    /// <summary>Fetches cells, in this order, and returns when they are here, passed over, or not wanted any more. What the pod does not give is
    /// passed over: who needs it asks for it again, and hears why.</summary>
    /// <param name="ask">The link.</param>
    /// <param name="ids">Which. What is here when its turn comes, or is fetched by somebody who waits for it, is not asked for.</param>
    /// <param name="want">Cells, or cells and keys.</param>
    /// <param name="isAwaited">True if somebody waits for them.</param>
    /// <param name="goesOn">Asked now and then; false ends it.</param>
    /// <returns>False if the pod refused to give one of them.</returns>
    public bool Fetch(Asker ask, IReadOnlyList<CellId> ids, CellWant want, bool isAwaited, Func<bool> goesOn)
    {
        var run = new Run();
        for (int at = 0; at < ids.Count && !run.IsLost && !run.IsRefused && goesOn();)
        {
            var part = new List<CellId>(CellsOfOneRequest);
            lock (gate)
            {
                if (coming.Count > underWayMost - CellsOfOneRequest)
                {
                    _ = Monitor.Wait(gate, LookEvery);
                    continue;
                }
                for (; at < ids.Count && part.Count < CellsOfOneRequest; at++)
                {
                    // A list of a whole session is minutes long: much of it has come by then because somebody waited for it.
                    if (!claimed.Contains(ids[at]) && !isHere(ids[at]) && coming.Add(ids[at]))
                        part.Add(ids[at]);
                }
                if (part.Count == 0)
                    continue;
                run.Requests++;
            }
            _ = AskAsync(ask, part, want, isAwaited, run);
        }
        lock (gate)
        {
            while (run.Requests > 0 && goesOn())
                _ = Monitor.Wait(gate, LookEvery);
        }
        return !run.IsRefused;
    }

    /// <summary>If a cell is coming, or another one fetches it, waits until it has come, or will not. False if neither is so, or it takes too long.</summary>
    public bool WaitFor(in CellId id, TimeSpan patience)
    {
        lock (gate)
        {
            if (!IsOnItsWay(id))
                return false;
            long since = Stopwatch.GetTimestamp();
            while (IsOnItsWay(id))
            {
                TimeSpan left = patience - Stopwatch.GetElapsedTime(since);
                if (left <= TimeSpan.Zero || !Monitor.Wait(gate, left))
                    return false;
            }
            return true;
        }
    }

    private bool IsOnItsWay(in CellId id) => coming.Contains(id) || claimed.Contains(id);

    /// <summary>Says that the caller fetches a cell itself, since it waits for it; false if another one does already.</summary>
    public bool Claim(in CellId id)
    {
        lock (gate)
            return claimed.Add(id);
    }

    /// <summary>Ends what <see cref="Claim"/> began.</summary>
    public void Release(in CellId id)
    {
        lock (gate)
        {
            _ = claimed.Remove(id);
            Monitor.PulseAll(gate);
        }
    }

    private async Task AskAsync(Asker ask, List<CellId> ids, CellWant want, bool isAwaited, Run run)
    {
        long asked = Stopwatch.GetTimestamp();
        bool isAnswered = false;
        try
        {
            var request = new CellsRequest { Want = want, Urgency = isAwaited ? (byte)0 : (byte)1, Ids = ids };
            await ask(request, new Sink(this, ids, cellBytes, run)).ConfigureAwait(false);
            isAnswered = true;
        }
        catch (VmPodException e)
        {
            run.IsLost |= e.ExitCode == ExitCode.LinkLost;
        }
        lock (gate)
        {
            coming.ExceptWith(ids);
            run.Requests--;
            if (isAnswered)
                Learn(Stopwatch.GetElapsedTime(asked), ids.Count);
            Monitor.PulseAll(gate);
        }
    }

    // The caller holds the lock.
    private void Learn(TimeSpan took, int cells)
    {
        quickest = took < quickest ? took : quickest;
        underWayMost = Math.Clamp(underWayMost + (took <= quickest + QueueMax ? cells : -cells), UnderWayMin, UnderWayMax);
    }

    private sealed class Run
    {
        public int Requests;
        public volatile bool IsLost, IsRefused;
    }

    private sealed class Sink(CellsAhead ahead, List<CellId> ids, int cellBytes, Run run) : ICellSink
    {
        private readonly CellsAhead ahead = ahead;

        public void Take(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell)
        {
            if (status == CellStatus.Ok && cell.Length == cellBytes)
                ahead.keeper(ids[index], key, cell);
            run.IsRefused |= status == CellStatus.Refused;
            lock (ahead.gate)
            {
                _ = ahead.coming.Remove(ids[index]);
                Monitor.PulseAll(ahead.gate);
            }
        }
    }
}
