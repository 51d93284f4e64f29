using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper;

/// <summary>Housekeeping: letting generations go, and freeing what nobody needs. Each act is logged before it happens, and how it went.</summary>
public sealed partial class Pod
{
    /// <summary>Forgets what a plan of the vault names.</summary>
    /// <exception cref="VmPodException">Locked, or something of it must stay now (4). The log cannot be written (5, 6, 8).</exception>
    public void Forget(ForgetPlan plan)
    {
        if (plan.Generations.Count + plan.Forks.Count == 0)
            return;
        AuditEvent Event(AuditOutcome outcome) => new(AuditKind.Forget, outcome)
        {
            Session = plan.Session.ToString(),
            Detail = { ["generations"] = plan.Generations.Count, ["forks"] = plan.Forks.Count, ["which"] = NumbersOf(plan) },
        };
        Logged(AuditKind.Forget, plan.Session.ToString(), Event(AuditOutcome.Intent), () =>
        {
            Vault.Forget(plan);
            return Event(AuditOutcome.Ok);
        });
    }

    /// <summary>Frees what nobody needs; needs no passphrase.</summary>
    /// <exception cref="VmPodException">It cannot be told what is needed, or the log cannot be written (5); no space (8).</exception>
    public GarbageReport CollectGarbage(bool isDryRun, IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        if (isDryRun)
            return Vault.CollectGarbage(isDryRun, progress, cancel);
        GarbageReport? report = null;
        Logged(AuditKind.Gc, null, new AuditEvent(AuditKind.Gc, AuditOutcome.Intent) { Detail = { ["cells"] = Vault.Store.CellCount } }, () =>
        {
            report = Vault.CollectGarbage(isDryRun, progress, cancel);
            return new AuditEvent(AuditKind.Gc, AuditOutcome.Ok) { Detail = { ["cells"] = report.Freed.Cells, ["bytes"] = report.Freed.Bytes } };
        });
        return report!;
    }

    /// <summary>Stores a session's newest generation free of history, and forgets all others.</summary>
    /// <exception cref="VmPodException">As for <see cref="Vault.PodVault.Squash"/>; the log cannot be written (5, 6, 8).</exception>
    public RewriteReport Squash(string session, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        string handle = Vault.FindSession(session).Handle.ToString();
        RewriteReport? report = null;
        Audit.Append(Grant(handle, LeasePurpose.House, generation: null));
        Logged(AuditKind.Squash, handle, new AuditEvent(AuditKind.Squash, AuditOutcome.Intent) { Session = handle }, () =>
        {
            LookInto(session, null, tip: false, fork: null);
            report = Vault.Squash(session, Host, progress, cancel);
            return EventOf(AuditKind.Squash, handle, report);
        });
        return report!;
    }

    /// <summary>Moves what sessions need out of cells that are mostly dead, within a budget, and frees these. Sessions that are in use are left
    /// alone.</summary>
    /// <exception cref="VmPodException">Locked (4), damaged (5), the log cannot be written (5, 6, 8), no space (8).</exception>
    public (IReadOnlyList<RewriteReport> Sessions, GarbageReport? Freed) Clean(long bytesMax, bool isDryRun, IProgress<TransferProgress>? progress,
        CancellationToken cancel)
    {
        var done = new List<RewriteReport>();
        foreach (SessionSummary session in Vault.ListSessions().Where(s => !s.LeaseIsOpen))
        {
            string handle = session.Handle.ToString();
            long left = bytesMax - done.Sum(r => r.CellsAdded) * Vault.Descriptor.CellBytes;
            if (left <= 0)
                break;
            Audit.Append(Grant(handle, LeasePurpose.House, generation: null));
            RewriteReport? report = null;
            if (isDryRun)
                report = Vault.Clean(session.Name ?? handle, Host, left, isDryRun, progress, cancel);
            else if (Vault.Clean(session.Name ?? handle, Host, left, isDryRun: true, null, cancel) is not null)
            {
                Logged(AuditKind.Clean, handle, new AuditEvent(AuditKind.Clean, AuditOutcome.Intent) { Session = handle }, () =>
                {
                    report = Vault.Clean(session.Name ?? handle, Host, left, isDryRun, progress, cancel);
                    return report is null ? new AuditEvent(AuditKind.Clean, AuditOutcome.Ok) { Session = handle } : EventOf(AuditKind.Clean, handle, report);
                });
            }
            if (report is not null)
                done.Add(report);
        }
        return (done, done.Count > 0 && !isDryRun ? CollectGarbage(isDryRun, null, cancel) : null);
    }

    private static AuditEvent EventOf(AuditKind kind, string handle, RewriteReport report) => new(kind, AuditOutcome.Ok)
    {
        Session = handle,
        Detail =
        {
            ["generation"] = (long)report.Generation, ["cells-added"] = report.CellsAdded, ["cells-dead"] = report.CellsToFree,
            ["forgotten"] = report.Forgotten,
        },
    };

    // Before, and after: what was done, or why not.
    private void Logged(AuditKind kind, string? session, AuditEvent intent, Func<AuditEvent> act)
    {
        Audit.Append(intent);
        try
        {
            Audit.Append(act());
        }
        catch (Exception e)
        {
            TryAppend(Failure(kind, session, e));
            throw;
        }
    }

    // As many as an entry has room for.
    private static string NumbersOf(ForgetPlan plan)
    {
        string all = string.Join(',', plan.Generations.Select(g => g.Record.Generation.ToString(CultureInfo.InvariantCulture))
            .Concat(plan.Forks.Select(f => ForkName.Of(f.LeaseId))));
        return all.Length <= AuditLimits.TextMax ? all : all[..(all.LastIndexOf(',', AuditLimits.TextMax - 4) + 1)] + "...";
    }
}
