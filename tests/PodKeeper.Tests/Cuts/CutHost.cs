using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Hostile;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cuts;

/// <summary>
/// A host that holds a lease over links that are cut: it seals and commits as a session does, keeps what no commit names, and goes on over the next link with
/// <see cref="CellUpload"/>, as hostguard's home of a lease does.
/// </summary>
internal sealed class CutHost : ILeaseHome, IReleasedCellSource
{
    /// <summary>Written anew by each upload: with what a commit adds it fills four cells of 16 KiB.</summary>
    internal const int ContentBytes = 44 * 1024;

    private const string Disk = "disk";
    private static readonly SessionImageOptions Small = new()
    {
        OverlayBytes = 4 * FormatLimits.ChunkBytes,
        CacheBytes = 2 * FormatLimits.ChunkBytes,
        EncodeThreads = 1,
    };

    private readonly HostLinks links;
    private readonly Dictionary<CellId, byte[]> made = [];
    private readonly Dictionary<CellId, (byte[] Key, byte[] Cell)> fetched = [];
    private readonly List<CellId> residue = [];
    private readonly SessionLease lease;
    private readonly SessionImage image;
    private readonly StreamInfo disk;
    private readonly byte[] content = new byte[ContentBytes];
    private CellUpload? upload;
    private CommitEntry? lastCommit, offered;

    internal CutHost(ServedPod pod)
    {
        links = new HostLinks(pod);
        WireLink link = links.Connect(new CutWire());
        CellBytes = link.Pod!.CellBytes;
        upload = new CellUpload(link, CellBytes);
        lease = links.Open(ServedPod.Session, create: false, this, this);
        image = new SessionImage(lease, Small);
        disk = image.SetStream(Disk, StreamKind.Disk, FormatLimits.ChunkBytes);
        // What a first commit has to learn is learned.
        WriteAnew();
        image.Commit(GenerationKind.Draft, "first");
        // The four cells that are fetched again and again are those of the generation that the lease goes on from.
        Wanted = [.. pod.Cells().Now.Except(made.Keys).Take(4)];
        foreach (CellId id in Wanted)
            Fetch(id, new byte[32], new byte[CellBytes]);
    }

    /// <summary>The cells that <see cref="FetchCut"/> fetches.</summary>
    internal CellId[] Wanted { get; }

    /// <summary>A host that the instrument must find out: it asks nobody what is there, and begins anew.</summary>
    internal bool BeginsAnew { get; set; }

    public int CellBytes { get; }

    /// <summary>Writes, seals and commits over a link that is cut; goes on over another one; looks whether the pod has what was committed.</summary>
    internal CutOutcome UploadCut(Way way, long after)
    {
        WriteAnew();
        var first = new CutWire(way, after);
        var second = new CutWire();
        CommitSummary? done = Try(() =>
        {
            GoOn(first);
            return image.Commit(GenerationKind.Draft, "cut");
        });
        if (done is null)
        {
            links.WaitForPod();
            GoOn(second);
            done = image.Commit(GenerationKind.Draft, "again");
        }
        Assert.Equal(lastCommit!.Record, done.Record);
        Assert.Equal(DomainHash.OfEntry(LogEntryTypes.Commit, lastCommit.ToBytes()), links.Row().TipHash);
        Assert.All(lastCommit.Added, id => Assert.True(links.Pod.Server.Look(p => p.Vault.Store.Contains(id))));
        return CutOutcome.OfUpload(first, second);
    }

    /// <summary>Fetches four cells over a link that is cut, and what is missing of them over another one.</summary>
    internal CutOutcome FetchCut(Way way, long after)
    {
        var first = new CutWire(way, after);
        var second = new CutWire();
        var basket = new Basket();
        CellId[] rest = [];
        if (Try(() => basket.Fetch(links.Resume(first), Wanted)) is null)
        {
            links.WaitForPod();
            rest = BeginsAnew ? Wanted : [.. Wanted.Where(id => !basket.Taken.ContainsKey(id))];
            if (rest.Length > 0)
                basket.Fetch(links.Resume(second), rest);
        }
        Assert.All(Wanted, id =>
        {
            Assert.Equal(fetched[id].Key, basket.Taken[id].Key);
            Assert.Equal(fetched[id].Cell, basket.Taken[id].Cell);
        });
        return CutOutcome.OfFetch((first, Wanted), (second, rest));
    }

    /// <summary>What goes one way during an upload that nothing cuts.</summary>
    internal byte[] RecordUpload(Way way)
    {
        var wires = new CutWire();
        WriteAnew();
        GoOn(wires);
        image.Commit(GenerationKind.Draft, "whole");
        return wires.Arrived(way);
    }

    /// <summary>What goes one way during a fetch that nothing cuts.</summary>
    internal byte[] RecordFetch(Way way)
    {
        var wires = new CutWire();
        _ = new Basket().Fetch(links.Resume(wires), Wanted);
        return wires.Arrived(way);
    }

    /// <summary>Puts cells that no commit names on a link that is cut behind the last of them, and at once asks on the next one which are there.</summary>
    internal IReadOnlyList<bool> PutAndReturn(IReadOnlyList<byte[]> cells)
    {
        var first = new CutWire();
        WireLink link = links.Resume(first);
        foreach (byte[] cell in cells)
            link.PutCell(cell);
        long whole = WireLimits.HeaderBytes + (long)CellBytes;
        ServeTests.Until(() => first.Arrived(Way.ToPod).LongLength >= cells.Count * whole);
        first.Cut();
        return links.Resume(new CutWire()).Call(new HaveRequest { Ids = [.. cells.Select(c => CellId.Of(c))] }, HostLinks.Patience).Has;
    }

    /// <summary>Cells that the lease seals while the pod is out of reach.</summary>
    internal IReadOnlyList<byte[]> NewCells(int count)
    {
        upload = null;
        while (residue.Count < count)
        {
            WriteAnew();
            Assert.Null(Try(() => image.Commit(GenerationKind.Draft, "away")));
        }
        return [.. residue.Select(id => made[id])];
    }

    /// <summary>A commit that waits for a pod, with its cells.</summary>
    internal GuestOfPod.Prepared Prepare()
    {
        upload = null;
        WriteAnew();
        Assert.Null(Try(() => image.Commit(GenerationKind.Draft, "away")));
        return new(links.Lease!, offered!, made, Wanted[0], lease.Sign("{}"u8));
    }

    /// <summary>Another host of this machine uses the lease over a connection of its own.</summary>
    internal void Lend(CutWire wires, Action use)
    {
        links.Leave();
        _ = links.Serve(wires);
        use();
        links.WaitForAll();
    }

    /// <summary>The pod's vault is whole, and has what was written last.</summary>
    internal void CheckPod()
    {
        links.Leave();
        links.Pod.Server.With(p =>
        {
            Assert.True(p.Verify(null, TestContext.Current.CancellationToken).IsSound);
            using SessionReader reader = p.Vault.OpenSession(ServedPod.Session, tip: true);
            byte[] chunk = new byte[FormatLimits.ChunkBytes];
            Assert.True(reader.ReadChunk(reader.Stream(Disk), 0, chunk));
            Assert.Equal(content, chunk[..ContentBytes]);
            return true;
        });
    }

    public ulong NowMs() => 1_700_000_000_000;

    public void Append(in CellId id, ReadOnlySpan<byte> cell)
    {
        made[id] = cell.ToArray();
        residue.Add(id);
        try
        {
            upload?.Put(id, cell);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            // It is kept.
        }
    }

    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        offered = commit;
        CellUpload to = upload ?? throw new VmPodException(ExitCode.LinkLost, "The pod is out of reach.");
        to.PutMissing(residue, ReadMade, HostLinks.Patience);
        CommittedReply reply = to.Link.Commit(new CommitRequest { Close = close, Record = commit.Record, Signature = commit.Signature }, commit.Added,
            commit.Dropped, HostLinks.Patience);
        residue.Clear();
        to.Forget();
        lastCommit = commit;
        return (reply.EntryHash, (long)reply.EntryOffset);
    }

    public void Discard() => residue.Clear();

    public void Close()
    {
    }

    public bool TryTakeOwn(in CellId id, Span<byte> cell) => ReadMade(id, cell);

    public void Fetch(in CellId id, Span<byte> key, Span<byte> cell)
    {
        if (!fetched.TryGetValue(id, out (byte[] Key, byte[] Cell) known))
        {
            var basket = new Basket();
            basket.Fetch(links.Link!, [id]);
            known = fetched[id] = basket.Taken[id];
        }
        known.Key.CopyTo(key);
        known.Cell.CopyTo(cell);
    }

    public void DropKeys()
    {
    }

    /// <summary>Of the lease, which owns its home: <see cref="End"/> does it.</summary>
    public void Dispose()
    {
    }

    /// <summary>Ends the links; the lease stays open on the pod.</summary>
    internal void End()
    {
        image.Dispose();
        lease.Dispose();
        links.Dispose();
    }

    private void GoOn(CutWire wires)
    {
        upload = null;
        var next = new CellUpload(links.Resume(wires), CellBytes);
        if (BeginsAnew)
            residue.ForEach(id => next.Link.PutCell(made[id]));
        else
            next.PutMissing(residue, ReadMade, HostLinks.Patience);
        upload = next;
    }

    private bool ReadMade(in CellId id, Span<byte> cell)
    {
        if (!made.TryGetValue(id, out byte[]? known))
            return false;
        known.CopyTo(cell);
        return true;
    }

    private void WriteAnew()
    {
        RandomNumberGenerator.Fill(content);
        image.Write(disk.Number, 0, content);
    }

    private static T? Try<T>(Func<T> act)
        where T : class
    {
        try
        {
            return act();
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            return null;
        }
    }

    /// <summary>Keeps what comes, by its id.</summary>
    private sealed class Basket : ICellSink
    {
        private IReadOnlyList<CellId> asked = [];

        internal Dictionary<CellId, (byte[] Key, byte[] Cell)> Taken { get; } = [];

        internal Basket Fetch(WireLink link, IReadOnlyList<CellId> ids)
        {
            asked = ids;
            link.GetCells(new CellsRequest { Want = CellWant.Both, Urgency = 0, Ids = ids }, this, HostLinks.Patience);
            return this;
        }

        public void Take(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell)
        {
            if (status == CellStatus.Ok && CellId.Of(cell) == asked[index])
                Taken[asked[index]] = (key.ToArray(), cell.ToArray());
        }
    }
}
