using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Pairings;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper;

/// <summary>Forks: which wait for a word of the owner, where they come from, what is in them, and keeping one.</summary>
public sealed partial class Pod
{
    private readonly Lock originsGate = new();
    private readonly Dictionary<(SessionHandle Session, ulong LeaseId), ForkOrigin> origins = [];

    /// <summary>All forks that nobody has decided about. Needs no passphrase.</summary>
    public IReadOnlyList<OpenFork> OpenForks()
    {
        var open = new List<OpenFork>();
        foreach (SessionSummary session in Vault.ListSessions())
        {
            IReadOnlyList<ForkInfo> forks = Vault.ListOpenForks(session.Handle, isHint: true);
            IReadOnlyDictionary<ulong, ForkOrigin> from = OriginsOf(session.Handle, forks);
            open.AddRange(forks.Select(f => new OpenFork(session.Name ?? session.Handle.ToString(), f, from[f.LeaseId])));
        }
        return open;
    }

    /// <summary>Where forks come from, by the ids of the leases that left them. One reading of the audit log, whatever their number.</summary>
    public IReadOnlyDictionary<ulong, ForkOrigin> OriginsOf(SessionHandle session, IReadOnlyList<ForkInfo> forks)
    {
        var known = new Dictionary<ulong, ForkOrigin>();
        lock (originsGate)
        {
            foreach (ForkInfo fork in forks)
            {
                if (origins.TryGetValue((session, fork.LeaseId), out ForkOrigin? origin))
                    known[fork.LeaseId] = origin;
            }
        }
        ulong[] wanted = [.. forks.Select(f => f.LeaseId).Where(id => !known.ContainsKey(id))];
        if (wanted.Length > 0)
            Find(session, wanted, known);
        IReadOnlyList<PairedHost> hosts = forks.Count == 0 ? [] : Hosts();
        return known.ToDictionary(k => k.Key, k => k.Value with { HostName = hosts.FirstOrDefault(h => h.LogName == k.Value.Pairing)?.Name });
    }

    /// <summary>In which files a fork and its session differ. The entry that says so is durable before the session's keys are opened.</summary>
    /// <exception cref="VmPodException">As for <see cref="Vault.PodVault.ContentsOf"/>; the log cannot be written (5, 6, 8).</exception>
    public ForkContents ContentsOf(string session, ForkDistance distance, IProgress<long>? progress, CancellationToken cancel)
    {
        Audit.Append(Grant(distance.Fork.Record.Session.ToString(), LeasePurpose.Compare, generation: null, distance.Fork.LeaseId));
        return Vault.ContentsOf(session, distance, progress, cancel);
    }

    /// <summary>Makes a fork a session of its own, and forgets it as a fork.</summary>
    /// <exception cref="VmPodException">As for <see cref="Vault.PodVault.KeepFork"/>; the log cannot be written (5, 6, 8).</exception>
    public KeptFork KeepFork(string session, ulong fork, string newName, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        string handle = Vault.FindSession(session).Handle.ToString();
        KeptFork? kept = null;
        Audit.Append(Grant(handle, LeasePurpose.Keep, generation: null, fork));
        AuditEvent Event(AuditOutcome outcome) => new(AuditKind.ForkKept, outcome) { Session = handle, Detail = { ["fork"] = ForkName.Of(fork) } };
        Logged(AuditKind.ForkKept, handle, Event(AuditOutcome.Intent), () =>
        {
            LookInto(session, null, tip: false, fork);
            kept = Vault.KeepFork(session, fork, newName, Host, progress, cancel);
            AuditEvent done = Event(AuditOutcome.Ok);
            done.Detail["kept-as"] = kept.Session.ToString();
            done.Detail["cells-added"] = kept.CellsAdded;
            done.Detail["live-root"] = kept.Record.LiveRoot.ToString();
            return done;
        });
        return kept!;
    }

    // Which pairing opened the leases, and when their forks came. The log tells what it was told: a broken one tells less.
    private void Find(SessionHandle session, ulong[] wanted, Dictionary<ulong, ForkOrigin> into)
    {
        string opened = AuditKinds.NameOf(AuditKind.LeaseOpened), attached = AuditKinds.NameOf(AuditKind.LeaseAttached),
            left = AuditKinds.NameOf(AuditKind.Fork);
        Dictionary<string, ulong> leases = wanted.ToDictionary(LeaseTextOf), forks = wanted.ToDictionary(ForkName.Of);
        foreach (ulong id in wanted)
            into[id] = ForkOrigin.Unknown;
        try
        {
            foreach (AuditEntry entry in Audit.Reader.Read(new AuditFilter(Session: session.ToString())))
            {
                if ((entry.Event == opened || entry.Event == attached) && entry.Detail.TryGetValue("pairing", out AuditValue pairing)
                    && entry.Detail.TryGetValue("lease", out AuditValue lease) && lease.Text is { } text && leases.TryGetValue(text, out ulong of))
                    into[of] = into[of] with { Pairing = pairing.Text };
                else if (entry.Event == left && entry.Detail.TryGetValue("fork", out AuditValue fork) && fork.Text is { } name
                    && forks.TryGetValue(name, out ulong by))
                    into[by] = into[by] with { HandedIn = entry.Time };
            }
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            // What is wrong with the log is for those who verify it.
        }
        lock (originsGate)
        {
            foreach (ulong id in wanted.Where(id => into[id] is { Pairing: not null, HandedIn: not null }))
                origins[(session, id)] = into[id];
        }
    }

    private IReadOnlyList<PairedHost> Hosts()
    {
        try
        {
            return PodPairings.List(this);
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
