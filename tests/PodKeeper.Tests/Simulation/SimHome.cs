using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>
/// The pod as the home of a host's lease: what hostguard's RemoteLeaseHome does, without its threads and its file. Each cell is kept here until a commit of
/// the pod names it.
/// </summary>
internal sealed class SimHome(SimWorld world, SimHost host, SimLease lease, int cellBytes) : ILeaseHome, IReleasedCellSource
{
    // In order of their sealing.
    private readonly List<(CellId Id, byte[] Cell)> rest = [];
    private readonly Dictionary<CellId, (byte[] Key, byte[] Cell)> fetched = [];
    private readonly Dictionary<CellId, byte[]> made = [];
    private SimLink? sentTo;

    public int CellBytes => cellBytes;

    /// <summary>From now on the commit that ends the lease is kept if the pod cannot take it.</summary>
    internal bool KeepsRest { get; set; }

    /// <summary>What was kept so.</summary>
    internal SimResidue? Kept { get; private set; }

    public ulong NowMs() => (ulong)world.Clock.GetUtcNow().ToUnixTimeMilliseconds();

    public void Append(in CellId id, ReadOnlySpan<byte> cell)
    {
        byte[] copy = cell.ToArray();
        made[id] = copy;
        rest.Add((id, copy));
        if (host.Link is not { IsUp: true } link || sentTo != link)
            return;
        try
        {
            link.PutCell(cell);
            if (world.Planted == Planted.HostForgetsWhatItSent)
                rest.RemoveAt(rest.Count - 1);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            // Kept, and sent again when the link is back.
        }
    }

    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        SimVersion version = world.Model.Sign(lease, commit, [.. host.View]);
        bool keep = KeepsRest && close;
        try
        {
            SimLink link = host.Link is { IsUp: true } up ? up : throw new VmPodException(ExitCode.LinkLost, "The pod is gone.");
            SendAgain(link);
            CommittedReply reply = link.Commit(new CommitRequest { Close = close, Record = commit.Record, Signature = commit.Signature }, commit.Added,
                commit.Dropped);
            rest.Clear();
            world.Told(host, version, reply);
            return (reply.EntryHash, checked((long)reply.EntryOffset));
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost && keep)
        {
            Kept = new SimResidue(lease, host.Boot, version, commit, [.. rest]);
            return (DomainHash.OfEntry(LogEntryTypes.Commit, commit.ToBytes()), long.MaxValue);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.NoSpace)
        {
            sentTo = null;
            throw;
        }
    }

    public void Discard()
    {
        rest.Clear();
        Quietly(static link => link.Call<DoneReply>(DiscardRequest.Instance));
    }

    public void Close() => Quietly(static link => link.Call<DoneReply>(CloseLeaseRequest.Instance));

    public bool TryTakeOwn(in CellId id, Span<byte> cell) => made.TryGetValue(id, out byte[]? own) && own.AsSpan().TryCopyTo(cell);

    public void Fetch(in CellId id, Span<byte> key, Span<byte> cell)
    {
        if (!fetched.TryGetValue(id, out (byte[] Key, byte[] Cell) known))
        {
            SimLink link = host.Link is { IsUp: true } up ? up : throw new VmPodException(ExitCode.LinkLost, "The pod is gone.");
            known = (new byte[key.Length], new byte[cell.Length]);
            CellStatus status = link.GetCell(id, known.Key, known.Cell);
            if ((status is CellStatus.Absent or CellStatus.Damaged) && world.HoldsSession(lease))
                throw new SimViolationException($"A cell that {lease} may read is {status}.");
            if (status != CellStatus.Ok)
                throw new VmPodException(ExitCode.Refused, $"The cell was not given: {status}.");
            if (lease.IsBroken)
                throw new SimViolationException($"A key left under {lease}, which was ended.");
            fetched[id] = known;
        }
        known.Key.CopyTo(key);
        known.Cell.CopyTo(cell);
    }

    /// <summary>Sends what the pod does not have of the cells that are kept, if that was not done on this link.</summary>
    internal void SendAgain(SimLink link)
    {
        if (sentTo == link)
            return;
        sentTo = link;
        try
        {
            SendMissing(link, rest);
        }
        catch
        {
            sentTo = null;
            throw;
        }
    }

    internal static void SendMissing(SimLink link, IReadOnlyList<(CellId Id, byte[] Cell)> cells)
    {
        foreach ((CellId Id, byte[] Cell)[] part in cells.ToArray().Chunk(WireLimits.HaveIdsMax))
        {
            HaveReply have = link.Call<HaveReply>(new HaveRequest { Ids = [.. part.Select(c => c.Id)] });
            for (int i = 0; i < part.Length; i++)
            {
                if (!have.Has[i])
                    link.PutCell(part[i].Cell);
            }
        }
    }

    public void Dispose()
    {
    }

    // A pod that is gone finds the lease open, and its owner can end it.
    private void Quietly(Action<SimLink> ask)
    {
        try
        {
            if (host.Link is { IsUp: true } link)
                ask(link);
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.LinkLost or ExitCode.Busy)
        {
        }
    }
}
