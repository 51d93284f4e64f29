using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper;

/// <summary>Sessions, each use of which is logged before and after. Entries name them by their random handle, never by name.</summary>
public sealed partial class Pod
{
    /// <summary>Begins a lease. The entry that says so is durable before the session's keys are opened. End it with
    /// <see cref="EndLease"/>.</summary>
    /// <param name="session">The session's name.</param>
    /// <param name="purpose">What for.</param>
    /// <param name="create">Whether the session may be made.</param>
    /// <param name="generation">The generation to go on from; null for the newest.</param>
    /// <param name="tip">Goes on from the tip instead, draft or not.</param>
    /// <param name="fork">Goes on from a fork instead, by the id of the lease that left it.</param>
    /// <exception cref="VmPodException">No such session (3), locked (4), another host holds the lease (6), the log cannot be written (5,
    /// 8).</exception>
    public SessionLease BeginLease(string session, LeasePurpose purpose, bool create = false, ulong? generation = null, bool tip = false,
        ulong? fork = null)
    {
        string? handle = Vault.TryFindSession(session)?.Handle.ToString();
        if (handle is null && !create)
            throw NoSession(session);
        Audit.Append(Grant(handle, purpose, generation, fork));
        SessionLease? lease = null;
        try
        {
            LookInto(session, generation, tip, fork);
            lease = Vault.BeginLease(session, create, Host, generation, tip, fork, keepsReserve: purpose == LeasePurpose.Put);
            Audit.Append(LeaseEvent(AuditKind.LeaseOpened, lease));
            return lease;
        }
        catch (Exception e)
        {
            Abandon(lease);
            TryAppend(Failure(AuditKind.LeaseOpened, handle, e));
            throw;
        }
    }

    /// <summary>
    /// Ends a lease and logs it. What was put and not committed is discarded; the lease's keys are zeroed, also if the entry cannot be
    /// written.
    /// </summary>
    /// <param name="lease">The lease; it is disposed.</param>
    /// <param name="events">How it went, logged with the end in one append: for example a <see cref="AuditKind.SessionSuspend"/>.</param>
    /// <exception cref="VmPodException">The log cannot be written (5, 8).</exception>
    public void EndLease(SessionLease lease, params IReadOnlyList<AuditEvent> events)
    {
        try
        {
            lease.Close();
            Audit.Append([.. events, LeaseEvent(AuditKind.LeaseClosed, lease)]);
        }
        finally
        {
            lease.Dispose();
        }
    }

    /// <summary>Opens a generation for reading. The entry that says so is durable before the session's keys are opened.</summary>
    /// <exception cref="VmPodException">No such session, generation or fork (3), locked (4), damaged (5), the log cannot be written (5, 6,
    /// 8).</exception>
    public SessionReader OpenSession(string session, LeasePurpose purpose, ulong? generation = null, bool tip = false, ulong? fork = null)
    {
        SessionSummary found = Vault.FindSession(session);
        Audit.Append(Grant(found.Handle.ToString(), purpose, generation, fork));
        return Vault.OpenSession(session, generation, tip, fork);
    }

    /// <summary>Puts files into a session as its next generation; the session is made if the name is new. With <paramref name="storeAlone"/> its chunks are
    /// stored alone, from now on and for good.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: the vault is as it was.</exception>
    /// <exception cref="VmPodException">As <see cref="BeginLease"/> and <see cref="SnapshotWriter.Put"/>.</exception>
    public SnapshotWriter.Summary Put(
        string session, IReadOnlyList<string> paths, string label, IProgress<TransferProgress>? progress, CancellationToken cancel,
        bool storeAlone = false)
    {
        SessionLease lease = BeginLease(session, LeasePurpose.Put, create: true);
        string handle = lease.Session.ToString();
        SnapshotWriter.Summary summary;
        try
        {
            if (storeAlone)
                lease.StoreAlone();
            summary = SnapshotWriter.Put(lease, paths, label, progress, cancel);
        }
        catch (Exception e)
        {
            // First what it wrote is given back: on a full pod the log needs the room.
            Abandon(lease);
            TryAppend(Failure(AuditKind.Put, handle, e), LeaseEvent(AuditKind.LeaseClosed, lease));
            throw;
        }
        EndLease(lease,
            CommitEvent(summary.Commit.Record),
            new AuditEvent(AuditKind.Put, AuditOutcome.Ok)
            {
                Session = handle,
                Detail = { ["files"] = summary.Files, ["cells-added"] = summary.CellsAdded, ["bytes-read"] = summary.BytesRead },
            });
        return summary;
    }

    /// <summary>Gets a generation's files, or a fork's, into a new or empty folder.</summary>
    /// <returns>What was written, and the generation's number.</returns>
    /// <exception cref="VmPodException">As <see cref="OpenSession"/> and <see cref="SnapshotReader.Get"/>.</exception>
    public (SnapshotReader.Summary Summary, ulong Generation) Get(
        string session, ulong? generation, string folder, IProgress<TransferProgress>? progress, CancellationToken cancel, ulong? fork = null)
    {
        using SessionReader reader = OpenSession(session, LeasePurpose.Get, generation, fork: fork);
        string handle = reader.Handle.ToString();
        try
        {
            SnapshotReader.Summary summary = SnapshotReader.Get(reader, folder, progress, cancel);
            Audit.Append(new AuditEvent(AuditKind.Get, AuditOutcome.Ok)
            {
                Session = handle,
                Detail = { ["generation"] = (long)reader.Record.Generation, ["files"] = summary.Files, ["bytes"] = summary.BytesWritten },
            });
            return (summary, reader.Record.Generation);
        }
        catch (Exception e)
        {
            TryAppend(Failure(AuditKind.Get, handle, e));
            throw;
        }
    }

    /// <summary>Ends a lease that its holder left open. With <paramref name="otherHost"/> also that of another host, whose unsaved work
    /// stays behind.</summary>
    /// <returns>False if no lease was open.</returns>
    /// <exception cref="VmPodException">No such session (3), locked (4), another host holds it and that was not allowed (6).</exception>
    public bool Release(string session, bool otherHost)
    {
        SessionSummary found = Vault.FindSession(session);
        if (!found.LeaseIsOpen)
            return false;
        string handle = found.Handle.ToString();
        if (!otherHost)
        {
            // Only the lease's own host gets it again, which is the question asked here; ending it releases it.
            EndLease(BeginLease(session, LeasePurpose.Release));
            return true;
        }
        Audit.Append(new AuditEvent(AuditKind.LeaseClosed, AuditOutcome.Intent) { Session = handle, Detail = { ["by"] = "owner" } });
        bool wasOpen = Vault.BreakLease(session);
        Audit.Append(new AuditEvent(AuditKind.LeaseClosed, AuditOutcome.Ok) { Session = handle, Detail = { ["by"] = "owner" } });
        return wasOpen;
    }

    /// <summary>Hashes every cell and every entry of the vault's log; needs no key. The result is logged where the log can be
    /// written.</summary>
    public VerifyReport Verify(IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        VerifyReport report = Vault.Verify(progress, cancel);
        TryAppend(new AuditEvent(AuditKind.Verify, report.IsSound ? AuditOutcome.Ok : AuditOutcome.Failed)
        {
            Detail = { ["cells"] = report.Cells, ["damaged"] = report.DamagedCount, ["missing"] = report.MissingCount },
        });
        return report;
    }

    /// <summary>The labels of a session's generations, by number.</summary>
    /// <exception cref="VmPodException">Locked (4), damaged (5), the log cannot be written (5, 6, 8).</exception>
    public IReadOnlyDictionary<ulong, string> LabelsOf(SessionSummary session)
    {
        Audit.Append(Grant(session.Handle.ToString(), LeasePurpose.List, generation: null));
        var labels = new SortedDictionary<ulong, string>();
        foreach (GenerationInfo generation in Vault.ListGenerations(session.Handle).Where(g => g.Trust != CommitTrust.Refused))
        {
            try
            {
                using SessionReader reader = Vault.OpenSession(session.Handle.ToString(), generation.Record.Generation);
                labels[generation.Record.Generation] = reader.Label;
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && generation.Trust == CommitTrust.Pending)
            {
                // A host wrote what does not open. That is found when it is looked into; the others have labels.
            }
        }
        return labels;
    }

    /// <summary>The entry for a commit: generation, number and the root of its cells.</summary>
    public static AuditEvent CommitEvent(CommitRecord record) => new(AuditKind.Commit, AuditOutcome.Ok)
    {
        Session = record.Session.ToString(),
        Detail = { ["generation"] = (long)record.Generation, ["number"] = (long)record.Number, ["live-root"] = record.LiveRoot.ToString() },
    };

    /// <summary>The entry for a fork: which lease left it, when it was made, the root of its cells.</summary>
    internal static AuditEvent ForkEvent(CommitRecord record) => new(AuditKind.Fork, AuditOutcome.Ok)
    {
        Session = record.Session.ToString(),
        Detail = { ["fork"] = ForkName.Of(record.LeaseId), ["made-ms"] = (long)Math.Min(record.TimeMs, (ulong)AuditLimits.NumberMax),
            ["live-root"] = record.LiveRoot.ToString() },
    };

    private static AuditEvent Grant(string? handle, LeasePurpose purpose, ulong? generation, ulong? fork = null)
    {
        var grant = new AuditEvent(AuditKind.KeysGranted, AuditOutcome.Intent) { Session = handle };
        grant.Detail["purpose"] = purpose.ToString().ToLowerInvariant();
        // This host holds the vault's keys, so the bound is the session, not a number of cells.
        grant.Detail["keys"] = "session";
        if (generation is { } number)
            grant.Detail["generation"] = (long)Math.Min(number, (ulong)AuditLimits.NumberMax);
        if (fork is { } leaseId)
            grant.Detail["fork"] = ForkName.Of(leaseId);
        return grant;
    }

    private static AuditEvent Failure(AuditKind kind, string? handle, Exception e) =>
        new(kind, IsRefusal(e) ? AuditOutcome.Refused : AuditOutcome.Failed) { Session = handle, Detail = { ["reason"] = ReasonOf(e) } };

    private static bool IsRefusal(Exception e) => e is VmPodException { ExitCode: ExitCode.Busy or ExitCode.Refused or ExitCode.Usage };

    private static string ReasonOf(Exception e) => e switch
    {
        VmPodException known => known.ExitCode.ToString(),
        OperationCanceledException => "Cancelled",
        _ => e.GetType().Name,
    };

    private static AuditEvent LeaseEvent(AuditKind kind, SessionLease lease) => new(kind, AuditOutcome.Ok)
    {
        Session = lease.Session.ToString(),
        Detail = { ["lease"] = LeaseTextOf(lease.LeaseId), ["term"] = (long)lease.Term },
    };

    private static string LeaseTextOf(ulong leaseId) => leaseId.ToString("x16", CultureInfo.InvariantCulture);

    private static VmPodException NoSession(string session) =>
        new(ExitCode.NotFound, $"The vault has no session {session}.", "podkeeper sessions DIR lists them.");

    // After a failure the failure itself is what the caller must hear, not that it could not be logged or tidied up.
    private void TryAppend(params IReadOnlyList<AuditEvent> events)
    {
        try
        {
            Audit.Append(events);
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
        }
    }

    private static void Abandon(SessionLease? lease)
    {
        try
        {
            lease?.Close();
        }
        catch (Exception e) when (e is VmPodException or IOException)
        {
        }
        finally
        {
            lease?.Dispose();
        }
    }
}
