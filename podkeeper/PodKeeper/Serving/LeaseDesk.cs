using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Homes;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Serving;

/// <summary>The leases of a server, and everything of its pod that several links use: what must not happen at once happens in a row here.</summary>
/// <remarks>
/// Order of an opening (rule 19): the entry of the intent; the lease in the vault; the entry that it is open and that so many keys may leave; then the
/// first key. Locks are taken in this order: <see cref="keys"/>, a lease's own, <see cref="vault"/>, <see cref="gate"/>.
/// </remarks>
internal sealed class LeaseDesk : IDisposable
{
    private readonly Pod pod;
    private readonly TimeProvider time;
    private readonly Action<ServerNote> note;
    private readonly ITimer watch;

    // Read: the vault's keys are used. Write: they come or go.
    private readonly ReaderWriterLockSlim keys = new();

    // Changes of the vault by leases.
    private readonly Lock vault = new();

    // The table.
    private readonly Lock gate = new();
    private readonly List<ServedLease> leases = [];
    private readonly HashSet<ulong> revoked = [];

    internal LeaseDesk(Pod pod, TimeProvider time, Action<ServerNote> note)
    {
        this.pod = pod;
        this.time = time;
        this.note = note;
        Checker = new PendingChecker(this, note);
        Homes = new HomeKeys(pod, note);
        watch = time.CreateTimer(_ => DropSilent(), null, PodLimits.LeaseWatch, PodLimits.LeaseWatch);
    }

    /// <summary>Looks into what is pending.</summary>
    internal PendingChecker Checker { get; }

    /// <summary>Keys for home hosts.</summary>
    internal HomeKeys Homes { get; }

    internal bool IsUnlocked => pod.Vault.IsUnlocked;

    internal CellStore Store => pod.Vault.Store;

    /// <summary>Leases whose keys are here.</summary>
    internal int Count
    {
        get
        {
            lock (gate)
                return leases.Count(l => l.IsOpen);
        }
    }

    /// <summary>Runs while the vault's keys neither come nor go.</summary>
    internal T WithKeys<T>(Func<Pod, T> act)
    {
        keys.EnterReadLock();
        try
        {
            return act(pod);
        }
        finally
        {
            keys.ExitReadLock();
        }
    }

    /// <summary>Makes the vault's keys come or go.</summary>
    internal T ChangeKeys<T>(Func<Pod, T> act)
    {
        keys.EnterWriteLock();
        try
        {
            return act(pod);
        }
        finally
        {
            keys.ExitWriteLock();
        }
    }

    /// <summary>Runs a change of the vault that is none of a lease: one at a time with those.</summary>
    internal T Change<T>(Func<Pod, T> act) => WithKeys(p =>
    {
        lock (vault)
            return act(p);
    });

    /// <summary>Opens a lease for a link; its key may leave when this returns.</summary>
    internal (ServedLease Lease, GrantedLease Granted) Open(LeaseRequest request, ServedHost host, HostHandler owner)
    {
        int? percent = Checker.WaitFor(p => p.Vault.PendingBase(request.Session, request.Generation, request.Tip, request.Fork), PodLimits.CheckPatience);
        return percent is { } done
            ? throw new VmPodException(ExitCode.Refused, $"What session {request.Session} would start from is pending: the pod is looking into it ({done} %).",
                $"Try again later; podkeeper accept DIR {request.Session} on the pod starts from it without that.")
            : OpenNow(request, host, owner);
    }

    private (ServedLease Lease, GrantedLease Granted) OpenNow(LeaseRequest request, ServedHost host, HostHandler owner) => WithKeys(_ =>
    {
        if (!pod.Vault.IsUnlocked)
            throw PodFaults.IsLocked();
        string? handle = pod.Vault.TryFindSession(request.Session)?.Handle.ToString();
        if (handle is null && !request.Create)
            throw new VmPodException(ExitCode.NotFound, $"The vault has no session {request.Session}.", "podkeeper sessions DIR lists them.");
        if (handle is not null)
            MakeRoomFor(handle, request.Session, host);
        pod.Audit.Append(Intent(request, handle, host));
        GrantedLease? granted = null;
        try
        {
            lock (vault)
            {
                granted = pod.Vault.GrantLease(request.Session, request.Create, host.Pseudonym, request.Signer.Span, request.Generation, request.Tip,
                    PodLimits.CellsOfOneLeaseMax, request.Fork, host.Role == HostRole.Foreign);
            }
            ServedLease lease = Served(granted, host, owner, PodLimits.KeysOfOneGrant);
            AuditEvent opened = lease.Event(AuditKind.LeaseOpened, AuditOutcome.Ok);
            opened.Detail["term"] = (long)lease.Term;
            opened.Detail["pairing"] = host.Pairing;
            pod.Audit.Append(opened, Grant(lease, granted.Base?.Record.Generation ?? 0, PodLimits.KeysOfOneGrant));
            Homes.Store(lease);
            Add(lease);
            return (lease, granted);
        }
        catch (Exception e)
        {
            GiveUp(granted);
            TryAppend(Failed(AuditKind.LeaseOpened, handle, host, e));
            throw;
        }
    });

    /// <summary>Gives a link a lease that its host has: the one that is parked here, or the one in the vault's log. What the host put on the link before
    /// is taken in first: it asks next what is here (sync/SPEC.md, S-76).</summary>
    internal ServedLease Attach(AttachRequest request, ServedHost host, HostHandler owner)
    {
        HostHandler? before;
        lock (gate)
            before = leases.Find(l => l.Session == request.Session && l.LeaseId == request.LeaseId && l.Host == host)?.Owner;
        if (before is not null && before != owner)
            before.Settle();
        return AttachNow(request, host, owner);
    }

    private ServedLease AttachNow(AttachRequest request, ServedHost host, HostHandler owner) => WithKeys(_ =>
    {
        ServedLease? known;
        lock (gate)
            known = leases.Find(l => l.Session == request.Session && l.LeaseId == request.LeaseId && l.Term == request.Term);
        // One that was attached while the pod was locked has no keys; now there may be some.
        if (known is not null && known.Host == host && !known.IsDropped && IsOpenInVault(known) && (known.ChecksCells || !pod.Vault.IsUnlocked))
        {
            HostHandler? before = known.Owner;
            known.GiveTo(owner);
            if (before is not null && before != owner)
                before.EndLink();
            LogAttached(known);
            return known;
        }
        GrantedLease granted;
        lock (vault)
            granted = pod.Vault.AttachLease(request.Session, request.LeaseId, request.Term, host.Pseudonym, PodLimits.CellsOfOneLeaseMax,
                host.Role == HostRole.Foreign);
        try
        {
            if (known is not null)
                Drop(known, "attached-again", discard: false);
            ServedLease lease = Served(granted, host, owner, granted is { ChecksCells: true, IsOpen: true } ? PodLimits.KeysOfOneGrant : 0,
                IsRevoked(granted.LeaseId));
            // One that is not open gets nothing, and its host may ask for it often: the entry is that of the fork.
            if (lease.IsOpen)
                LogAttached(lease, granted);
            Homes.Store(lease);
            Add(lease);
            return lease;
        }
        catch
        {
            granted.Dispose();
            throw;
        }
    });

    /// <summary>After an unlock: stores what home hosts that have a lease now lack.</summary>
    internal void StoreHomeKeys() => WithKeys(_ =>
    {
        ServedLease[] these;
        lock (gate)
            these = [.. leases];
        foreach (ServedLease lease in these)
            Homes.Store(lease);
        return these.Length;
    });

    /// <summary>Changes the vault under a lease.</summary>
    internal T Write<T>(ServedLease lease, HostHandler by, Func<GrantedLease, T> act) => lease.Write(by, granted =>
    {
        lock (vault)
            return act(granted);
    });

    /// <summary>Commits; the entry of it follows, because what is durable is done.</summary>
    internal CommittedReply Commit(ServedLease lease, HostHandler by, CommitEntry commit, bool close)
    {
        bool leftFork = !lease.IsOpen && lease.Newest().Number != 0;
        CommittedReply reply = Write(lease, by, granted =>
        {
            (Digest hash, long offset) = granted.Commit(commit, close);
            return new CommittedReply
            {
                EntryHash = hash,
                EntryOffset = (ulong)offset,
                HeadSeq = Store.Head.Seq,
                HeadHash = Store.HeadHash,
            };
        });
        lease.Renew();
        CommitRecord record = commit.Record;
        if (!lease.IsOpen)
        {
            // One that was taken before, as a fork or as a commit, has its entry.
            byte[] bytes = commit.ToBytes();
            bool isFork = reply.EntryHash == DomainHash.OfEntry(LogEntryTypes.Fork, bytes)
                || reply.EntryHash == DomainHash.OfEntry(LogEntryTypes.PendingFork, bytes);
            if (isFork && !leftFork)
            {
                AuditEvent fork = Pod.ForkEvent(record) with { Actor = lease.Host.Actor };
                fork.Detail["cells"] = lease.ChecksCells ? "checked" : "unchecked";
                TryAppend(fork);
            }
            Checker.Wake();
            return reply;
        }
        if (record.Kind != GenerationKind.Draft || !lease.ChecksCells)
        {
            AuditEvent entry = Pod.CommitEvent(record) with { Actor = lease.Host.Actor };
            entry.Detail["lease"] = lease.LeaseText;
            entry.Detail["cells"] = lease.ChecksCells ? "checked" : "unchecked";
            TryAppend(entry);
        }
        if (close)
            Closed(lease);
        if (close || record.Kind != GenerationKind.Draft)
            Checker.Wake();
        return reply;
    }

    /// <summary>A link that had a lease has ended: it is parked, or forgotten if it was not open.</summary>
    internal void LinkEnded(ServedLease lease, HostHandler by)
    {
        if (lease.IsOpen)
            lease.TakeFrom(by);
        else
            _ = Drop(lease, "link", discard: true);
    }

    /// <summary>Ends a lease; what was not committed is given up.</summary>
    internal void Close(ServedLease lease, HostHandler by)
    {
        _ = Write(lease, by, granted =>
        {
            granted.Discard();
            granted.Close();
            return true;
        });
        Closed(lease);
    }

    /// <summary>Takes the keys of leases away at once, and ends their links: all, or those of one session or pairing. The leases stay open in the
    /// vault.</summary>
    internal int Revoke(string reason, SessionHandle? session = null, UInt128? pairingId = null)
    {
        ServedLease[] these;
        lock (gate)
            these = [.. leases.Where(l => (session is null || l.Session == session) && (pairingId is null || l.Host.PairingId == pairingId))];
        foreach (ServedLease lease in these)
        {
            lock (gate)
                _ = revoked.Add(lease.LeaseId);
            Drop(lease, reason, discard: true);
            lease.Owner?.EndLink();
        }
        return these.Length;
    }

    /// <summary>Logs what can be logged: after a failure the failure itself is what must be heard.</summary>
    internal void TryAppend(params IReadOnlyList<AuditEvent> events)
    {
        try
        {
            pod.Audit.Append(events);
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            note(new ServerNote("The audit log cannot be written: no key leaves any more.", Why: e.Message));
        }
    }

    /// <summary>Zeroes the keys of all leases; they stay open in the vault.</summary>
    public void Dispose()
    {
        watch.Dispose();
        Checker.Dispose();
        _ = Revoke("stop");
    }

    private static AuditEvent Intent(LeaseRequest request, string? handle, ServedHost host)
    {
        var intent = new AuditEvent(AuditKind.LeaseOpened, AuditOutcome.Intent) { Actor = host.Actor, Session = handle };
        intent.Detail["purpose"] = request.Purpose.ToString().ToLowerInvariant();
        intent.Detail["pairing"] = host.Pairing;
        intent.Detail["role"] = host.Role.ToString().ToLowerInvariant();
        return intent;
    }

    private static AuditEvent Grant(ServedLease lease, ulong generation, long keysMax)
    {
        AuditEvent grant = lease.Event(AuditKind.KeysGranted, AuditOutcome.Intent);
        grant.Detail["generation"] = (long)Math.Min(generation, (ulong)AuditLimits.NumberMax);
        grant.Detail["keys-max"] = keysMax;
        return grant;
    }

    private static AuditEvent Failed(AuditKind kind, string? handle, ServedHost host, Exception e) =>
        new(kind, e is VmPodException { ExitCode: ExitCode.Busy or ExitCode.Refused or ExitCode.Usage } ? AuditOutcome.Refused : AuditOutcome.Failed)
        {
            Actor = host.Actor,
            Session = handle,
            Detail = { ["reason"] = e is VmPodException known ? known.ExitCode.ToString() : e.GetType().Name },
        };

    private bool IsRevoked(ulong leaseId)
    {
        lock (gate)
            return revoked.Contains(leaseId);
    }

    private ServedLease Served(GrantedLease granted, ServedHost host, HostHandler owner, long keysGranted, bool isRevoked = false)
    {
        ServedLease? lease = null;
        ulong generation = granted.Base?.Record.Generation ?? 0;
        var ledger = new ReleaseLedger(total => pod.Audit.Append(Grant(lease!, generation, total)), keysGranted, PodLimits.KeysOfOneGrant);
        return lease = new ServedLease(granted, host, ledger, owner, time) { IsRevoked = isRevoked };
    }

    private void LogAttached(ServedLease lease, GrantedLease? anew = null)
    {
        AuditEvent attached = lease.Event(AuditKind.LeaseAttached, AuditOutcome.Ok);
        attached.Detail["pairing"] = lease.Host.Pairing;
        attached.Detail["keys"] = lease.ChecksCells ? "yes" : "no";
        if (anew is { ChecksCells: true })
            pod.Audit.Append(attached, Grant(lease, anew.Base?.Record.Generation ?? 0, PodLimits.KeysOfOneGrant));
        else
            pod.Audit.Append(attached);
    }

    // Another link of the same host may have it: then that one goes on. One that is parked was left by a host that begins anew. One that only takes a fork
    // is in nobody's way.
    private void MakeRoomFor(string handle, string name, ServedHost host)
    {
        ServedLease? known;
        lock (gate)
            known = leases.Find(l => l.IsOpen && l.Session.ToString() == handle);
        if (known is null || known.Host.Pseudonym != host.Pseudonym)
            return;
        if (known.Owner is not null)
        {
            throw new VmPodException(ExitCode.Busy, $"Session {name} is running on this host already: another link of it has the lease.",
                "End it there, or wait until its link is given up.");
        }
        Drop(known, "begun-anew", discard: true);
    }

    private bool IsOpenInVault(ServedLease lease) => Store.Head.Find(lease.Session.Value) is { } row && row.LeaseId == lease.LeaseId
        && row.LeaseState == LeaseState.Open && row.Fence == lease.Term;

    private void Add(ServedLease lease)
    {
        ServedLease? silent = null;
        lock (gate)
        {
            leases.Add(lease);
            if (leases.Count > PodLimits.LeasesMax)
                silent = leases.Where(l => l.Owner is null).MaxBy(l => l.SilentFor);
        }
        if (silent is not null)
            Drop(silent, "room", discard: true);
    }

    private void DropSilent()
    {
        ServedLease[] silent;
        lock (gate)
            silent = [.. leases.Where(l => l.Owner is null && l.IsExpired)];
        foreach (ServedLease lease in silent)
            Drop(lease, "time", discard: true);
    }

    private void Closed(ServedLease lease)
    {
        if (Drop(lease, "close", discard: false) && lease.IsOpen)
            TryAppend(lease.Event(AuditKind.LeaseClosed, AuditOutcome.Ok));
    }

    private bool Drop(ServedLease lease, string reason, bool discard)
    {
        lock (gate)
            _ = leases.Remove(lease);
        bool isFirst;
        try
        {
            isFirst = lease.Drop(granted =>
            {
                if (!discard)
                    return;
                lock (vault)
                    granted.Discard();
            });
        }
        catch (VmPodException e)
        {
            // The store failed: its keys are zeroed all the same.
            note(new ServerNote("What a lease left uncommitted could not be cut off.", Why: e.Message));
            isFirst = true;
        }
        if (isFirst && lease.IsOpen)
        {
            AuditEvent released = lease.Event(AuditKind.KeysReleased, AuditOutcome.Ok);
            released.Detail["keys"] = lease.Ledger.Spent;
            released.Detail["end"] = reason;
            TryAppend(released);
        }
        return isFirst;
    }

    private void GiveUp(GrantedLease? granted)
    {
        if (granted is null)
            return;
        try
        {
            lock (vault)
                granted.Close();
        }
        catch (Exception e) when (e is VmPodException or IOException)
        {
            note(new ServerNote("A lease that nobody got could not be ended.", Why: e.Message));
        }
        granted.Dispose();
    }
}
