using System.Collections.Concurrent;
using System.Security.Cryptography;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Serving;

/// <summary>What this pod does for one host over one link: one lease at a time, and nothing that the lease does not allow.</summary>
/// <remarks>A method of <see cref="IWireHandler"/> each; the rules are P-40 to P-48 and P-80 to P-83 of podkeeper/SPEC.md.</remarks>
internal sealed class HostHandler : IWireHandler, IDisposable
{
    private readonly LeaseDesk desk;
    private readonly ServedHost host;
    private readonly ReceiptFolder receipts;
    private readonly Action settle, endLink;
    private readonly ConcurrentBag<CellScratch> scratch = [];
    private ServedLease? lease;
    private int opens, homeRequests;

    internal HostHandler(LeaseDesk desk, ServedHost host, ReceiptFolder receipts, Action settle, Action endLink)
    {
        this.desk = desk;
        this.host = host;
        this.receipts = receipts;
        this.settle = settle;
        this.endLink = endLink;
    }

    private ServedLease? Lease => Volatile.Read(ref lease);

    /// <inheritdoc/>
    public SessionReply Find(FindRequest request) => desk.WithKeys(pod =>
    {
        // A locked pod knows handles only.
        SessionSummary? found = pod.Vault.ListSessions().FirstOrDefault(s => s.Handle.ToString() == request.Name);
        if (found is null && !pod.Vault.IsUnlocked)
            throw PodFaults.IsLocked();
        found ??= pod.Vault.FindSession(request.Name);
        IReadOnlyList<GenerationInfo> all = pod.Vault.ListGenerations(found.Handle);
        return new SessionReply
        {
            Handle = found.Handle,
            IsLeaseOpen = found.LeaseIsOpen,
            CommitCount = found.Commits,
            Tip = found.Tip,
            Generations = [.. all.Skip(all.Count - WireLimits.GenerationsMax).Reverse()
                .Select(g => new GenerationLine(g.Record.Generation, g.Record.Number, g.Record.Kind, g.Record.TimeMs))],
        };
    });

    /// <inheritdoc/>
    public SessionsReply List() => host.Role == HostRole.Home
        ? desk.WithKeys(pod => new SessionsReply
        {
            Lines = [.. pod.Vault.ListSessions().Select(s =>
                new SessionLine(s.Handle, s.Name ?? "", s.LeaseIsOpen, s.Commits, s.Tip.Generation, s.Tip.TimeMs))],
        })
        : throw new VmPodException(ExitCode.Refused, "This host is paired as a foreign one: it may ask for a session by its name, not for all.",
            "Name the session; or pair it as home: podkeeper pair DIR --role home.");

    /// <inheritdoc/>
    public void OpenLease(LeaseRequest request, LeaseAnswer answer)
    {
        MustBeFree();
        if (opens++ >= PodLimits.OpensOfOneLinkMax)
            throw new VmPodException(ExitCode.Refused, $"A link opens at most {PodLimits.OpensOfOneLinkMax} leases.", "Connect again.");
        (ServedLease opened, GrantedLease granted) = desk.Open(request, host, this);
        Volatile.Write(ref lease, opened);
        LeaseTerms terms = granted.Terms;
        answer.Send(new LeaseReply
        {
            Session = terms.Session,
            LeaseId = opened.LeaseId,
            Term = terms.Term,
            SessionOffset = terms.SessionOffset,
            LeaseOffset = terms.LeaseOffset,
            LastGeneration = terms.LastGeneration,
            LastNumber = terms.LastNumber,
            ExpiresInMs = opened.ExpiresInMs,
            Base = BaseOf(granted),
        }, granted.LeaseKey!.ReadOnlyBytes);
    }

    /// <inheritdoc/>
    public AttachedReply Attach(AttachRequest request)
    {
        if (Lease is { IsDropped: false } mine && (mine.LeaseId != request.LeaseId || mine.Session != request.Session))
            MustBeFree();
        ServedLease attached = desk.Attach(request, host, this);
        Volatile.Write(ref lease, attached);
        (ulong number, Digest hash, long offset) = attached.Newest();
        return new AttachedReply
        {
            LastNumber = number,
            EntryHash = hash,
            EntryOffset = number == 0 ? ulong.MaxValue : (ulong)offset,
            ExpiresInMs = attached.ExpiresInMs,
            IsOpen = attached.IsOpen,
        };
    }

    /// <inheritdoc/>
    public void HomeKey(HomeKeyAnswer answer)
    {
        CountHomeRequest();
        using SecretBuffer key = desk.WithKeys(_ => desk.Homes.Give(Mine()));
        answer.Send(key.ReadOnlyBytes);
    }

    /// <inheritdoc/>
    public LeaseKeysReply LeaseKeys(LeaseKeysRequest request)
    {
        CountHomeRequest();
        return new LeaseKeysReply { Keys = desk.WithKeys(_ => desk.Homes.Serve(Mine(), request.Session)) };
    }

    /// <inheritdoc/>
    public ForksReply Forks(ForksRequest request) => desk.WithKeys(pod =>
    {
        SessionSummary found = pod.Vault.ListSessions().FirstOrDefault(s => s.Handle == request.Session)
            ?? throw new VmPodException(ExitCode.NotFound, "The vault has no such session.", "podkeeper sessions DIR lists them.");
        IReadOnlyList<(ForkInfo Fork, bool Waits)> forks = pod.Vault.WeighForks(found.Handle);
        // Whose they are is for hosts that may know of each other.
        IReadOnlyDictionary<ulong, ForkOrigin>? origins = host.Role == HostRole.Home ? pod.OriginsOf(found.Handle, [.. forks.Select(f => f.Fork)]) : null;
        return new ForksReply
        {
            Lines = [.. forks.OrderBy(f => f.Fork.LeaseId).Select(f => new ForkLine(f.Fork.LeaseId, f.Fork.Record.TimeMs, f.Fork.Record.Kind, f.Fork.Trust,
                f.Waits, origins?.GetValueOrDefault(f.Fork.LeaseId)?.HostName ?? ""))],
        };
    });

    /// <inheritdoc/>
    public void GetCells(CellsRequest request, CellAnswer answer)
    {
        bool wantsKey = request.Want.HasFlag(CellWant.Key), wantsCell = request.Want.HasFlag(CellWant.Cell);
        // A home host may have what is sealed, also of a locked pod and without a lease (the keys it has by LeaseKeys).
        bool sealedOnly = !wantsKey && host.Role == HostRole.Home;
        ServedLease? mine = Lease;
        if (mine is null && !sealedOnly)
            throw PodFaults.NoLease();
        if (!scratch.TryTake(out CellScratch? s))
            s = new CellScratch(desk.Store.CellBytes);
        try
        {
            for (int i = 0; i < request.Ids.Count; i++)
            {
                ReleaseOutcome outcome = sealedOnly ? Sealed(request.Ids[i], s.Cell) : mine!.Release(request.Ids[i], s.Key.Bytes, s.Cell);
                if (outcome != ReleaseOutcome.Released)
                {
                    answer.Send(i, (CellStatus)outcome, default, default);
                    continue;
                }
                // Keys of cells that the host sealed itself it has already.
                if (wantsKey && CellHeader.KeyIdOf(s.Cell) != mine!.LeaseId)
                    mine.Ledger.Spend(1);
                answer.Send(i, CellStatus.Ok, wantsKey ? s.Key.ReadOnlyBytes : default, wantsCell ? s.Cell : default);
            }
        }
        finally
        {
            s.Key.Bytes.Clear();
            scratch.Add(s);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<bool> Have(IReadOnlyList<CellId> ids) => Lease is { IsDropped: false } || host.Role == HostRole.Home
        ? [.. ids.Select(id => Has(id))]
        : throw PodFaults.NoLease();

    /// <inheritdoc/>
    public RenewedReply Renew()
    {
        ServedLease mine = Lease is { IsDropped: false, IsOpen: true } open ? open : throw PodFaults.NoLease();
        mine.Renew();
        return new RenewedReply { ExpiresInMs = mine.ExpiresInMs };
    }

    /// <inheritdoc/>
    public void PutCell(ReadOnlySpan<byte> cell) => Mine().Take(this, cell);

    /// <inheritdoc/>
    public void Flush() => _ = Mine().Write(this, granted =>
    {
        granted.Flush();
        return true;
    });

    /// <inheritdoc/>
    public CommittedReply Commit(CommitRequest request, CellId[] added, CellId[] dropped) =>
        desk.Commit(Mine(), this, new CommitEntry(request.Record, request.Signature.ToArray(), added, dropped), request.Close);

    /// <inheritdoc/>
    public void Discard() => _ = desk.Write(Mine(), this, granted =>
    {
        granted.Discard();
        return true;
    });

    /// <inheritdoc/>
    public void CloseLease() => desk.Close(Mine(), this);

    /// <inheritdoc/>
    public void Log(LogRequest request)
    {
        // After the lease's end too: how a session ended is said last.
        ServedLease mine = Lease is { IsOpen: true } own ? own : throw PodFaults.NoLease();
        if (mine.HostEntries++ >= PodLimits.HostEntriesMax)
            throw new VmPodException(ExitCode.NoSpace, $"A lease has {PodLimits.HostEntriesMax} entries of its host at most.");
        desk.WithKeys(pod =>
        {
            pod.Audit.Append(HostEntry.Of(mine, request));
            return true;
        });
    }

    /// <inheritdoc/>
    public void Receipt(ReceiptRequest request)
    {
        ServedLease mine = Lease is { IsOpen: true } own ? own : throw PodFaults.NoLease();
        if (!SigningKey.Verify(mine.Signer.Span, request.Json.Span, request.Signature.Span))
            throw new VmPodException(ExitCode.Refused, "The receipt is not signed by the lease.");
        if (mine.Receipts++ >= PodLimits.ReceiptsMax)
            throw new VmPodException(ExitCode.NoSpace, $"A lease has {PodLimits.ReceiptsMax} receipts at most.");
        string hash = Convert.ToHexStringLower(SHA256.HashData(request.Json.Span));
        receipts.Save(mine.LeaseText, hash, request.Json.Span, request.Signature.Span);
        AuditEvent entry = mine.Event(AuditKind.WipeReceipt, AuditOutcome.Ok);
        entry.Detail["sha256"] = hash;
        entry.Detail["bytes"] = request.Json.Length;
        desk.WithKeys(pod =>
        {
            pod.Audit.Append(entry);
            return true;
        });
    }

    /// <summary>Waits until the cells that came over the link are taken in: another one of the same host goes on after them.</summary>
    internal void Settle() => settle();

    /// <summary>Ends the link, from any thread.</summary>
    internal void EndLink() => endLink();

    /// <summary>The link has ended: its lease is parked.</summary>
    public void Dispose()
    {
        if (Lease is { } left)
            desk.LinkEnded(left, this);
        while (scratch.TryTake(out CellScratch? s))
            s.Dispose();
    }

    private bool Has(CellId id)
    {
        try
        {
            // One that was put and not flushed counts: the commit that needs it makes it durable first.
            return desk.Store.Contains(id);
        }
        catch (DamagedCellException)
        {
            // Sent again it heals.
            return false;
        }
    }

    private static LeaseBase? BaseOf(GrantedLease granted) => granted.Base is not { } from ? null : new LeaseBase
    {
        EntryHash = from.EntryHash,
        EntryOffset = (ulong)from.EntryOffset,
        Record = from.Record,
        Signature = from.Signature,
        Certificate = from.Certificate,
    };

    private ReleaseOutcome Sealed(in CellId id, Span<byte> cell)
    {
        try
        {
            return desk.Store.TryRead(id, cell) ? ReleaseOutcome.Released : ReleaseOutcome.Absent;
        }
        catch (DamagedCellException)
        {
            return ReleaseOutcome.Damaged;
        }
    }

    private void CountHomeRequest()
    {
        if (Interlocked.Increment(ref homeRequests) > PodLimits.HomeRequestsMax)
            throw new VmPodException(ExitCode.Refused, $"A link asks at most {PodLimits.HomeRequestsMax} times for keys of leases.", "Connect again.");
    }

    private ServedLease Mine() => Lease ?? throw PodFaults.NoLease();

    private void MustBeFree()
    {
        if (Lease is { IsDropped: false })
            throw new VmPodException(ExitCode.Refused, "This link has a lease already.", "Close it, or use another link.");
    }
}
