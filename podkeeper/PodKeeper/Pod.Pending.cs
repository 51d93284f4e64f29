using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper;

/// <summary>Commits that are pending (rule 29): looking into them, and the owner's word.</summary>
public sealed partial class Pod
{
    /// <summary>Told how far a pending commit is looked into, before a lease starts from it. Null for nobody.</summary>
    public IProgress<CheckProgress>? CheckProgress { get; set; }

    /// <summary>Begins to look into a commit. The entry that says so is durable before the session's keys are opened.</summary>
    /// <exception cref="VmPodException">Locked (4), damaged (5), the log cannot be written (5, 6, 8).</exception>
    internal CommitCheck BeginCheck(PendingInfo pending)
    {
        Audit.Append(Grant(pending.Record.Session.ToString(), LeasePurpose.Check, pending.Record.Generation));
        return Vault.BeginCheck(pending);
    }

    /// <summary>Writes down what was found, and logs it.</summary>
    /// <exception cref="VmPodException">Locked meanwhile (4), the vault or the log cannot be written (5, 8).</exception>
    internal void EndCheck(PendingInfo pending, bool isSound)
    {
        Vault.WriteVerdict(pending, isSound ? CommitTrust.Sound : CommitTrust.Refused);
        Audit.Append(PendingEvent(isSound ? AuditKind.PendingChecked : AuditKind.PendingRefused, isSound ? AuditOutcome.Ok : AuditOutcome.Refused, pending));
    }

    /// <summary>The owner's word: leases may start from what is pending, though nobody has looked into it.</summary>
    /// <param name="session">The session.</param>
    /// <param name="generation">A generation; null for the newest, and for the tip if that is pending too.</param>
    /// <param name="fork">A fork instead.</param>
    /// <returns>What was pending and is accepted now, by name.</returns>
    /// <exception cref="VmPodException">No such session (3), locked (4), it was looked into and refused (5), the log cannot be written (5, 6, 8).</exception>
    public IReadOnlyList<string> Accept(string session, ulong? generation = null, ulong? fork = null)
    {
        // Says so if there is no such generation, or it was refused.
        using (OpenSession(session, LeasePurpose.List, generation, fork: fork))
        {
        }
        PendingInfo?[] which = [Vault.PendingBase(session, generation, fork: fork),
            generation is null && fork is null ? Vault.PendingBase(session, tip: true) : null];
        var accepted = new List<string>();
        foreach (PendingInfo pending in which.OfType<PendingInfo>().DistinctBy(p => p.Offset))
        {
            Audit.Append(PendingEvent(AuditKind.PendingAccepted, AuditOutcome.Ok, pending));
            Vault.WriteVerdict(pending, CommitTrust.Accepted);
            accepted.Add(pending.Name);
        }
        return accepted;
    }

    // Before a lease of this process starts from it. What cannot be looked into stays pending, and the vault says so.
    private void LookInto(string session, ulong? generation, bool tip, ulong? fork)
    {
        if (Vault.PendingBase(session, generation, tip, fork) is not { Trust: CommitTrust.Pending } pending)
            return;
        bool isSound;
        using (CommitCheck check = BeginCheck(pending))
            isSound = check.Run(CheckProgress, CancellationToken.None);
        EndCheck(pending, isSound);
    }

    private static AuditEvent PendingEvent(AuditKind kind, AuditOutcome outcome, PendingInfo pending) => new(kind, outcome)
    {
        Session = pending.Record.Session.ToString(),
        Detail =
        {
            ["generation"] = (long)Math.Min(pending.Record.Generation, (ulong)AuditLimits.NumberMax),
            ["lease"] = LeaseTextOf(pending.Record.LeaseId),
            ["live-root"] = pending.Record.LiveRoot.ToString(),
        },
    };
}
