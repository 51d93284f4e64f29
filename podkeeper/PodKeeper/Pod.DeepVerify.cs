using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper;

/// <summary>Verification with keys.</summary>
public sealed partial class Pod
{
    /// <summary>
    /// Opens every cell of every generation and fork that was not refused, decodes every chunk, and compares what the tables name with what was signed;
    /// keeps nothing. Damage is reported, not thrown.
    /// </summary>
    /// <exception cref="VmPodException">Locked (4), or the log cannot be written (5, 6, 8).</exception>
    public DeepReport VerifyDeep(IProgress<DeepReport.Progress>? progress, CancellationToken cancel)
    {
        var found = new DeepFindings();
        List<(SessionSummary Session, Checked[] Commits)> all = [.. Vault.ListSessions().Select(s => (s, CommitsOf(s)))];
        long total = all.Sum(a => (long)a.Commits.Length), at = 0, chunks = 0;
        foreach ((SessionSummary session, Checked[] commits) in all)
        {
            Audit.Append(Grant(session.Handle.ToString(), LeasePurpose.Verify, generation: null));
            SessionCheck check;
            try
            {
                check = Vault.OpenCheck(session.Handle);
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
            {
                foreach (Checked commit in commits)
                    found.Add(session.Handle, commit.Generation, commit.Fork, new ChunkDamage(null, null, null, e.Message, []));
                at += commits.Length;
                continue;
            }
            using (check)
            {
                foreach (Checked commit in commits)
                {
                    at++;
                    check.Run(commit.Offset, commit.Hash, damage => found.Add(session.Handle, commit.Generation, commit.Fork, damage), () =>
                    {
                        long now = Interlocked.Increment(ref chunks);
                        if (now % PodLimits.DeepProgressChunks == 0)
                            progress?.Report(new DeepReport.Progress(at, total, now));
                    }, cancel);
                }
            }
        }
        TryAppend(new AuditEvent(AuditKind.Verify, found.Count == 0 ? AuditOutcome.Ok : AuditOutcome.Failed)
        {
            Detail = { ["deep"] = 1, ["generations"] = total, ["chunks"] = chunks, ["damaged"] = found.Count },
        });
        return new DeepReport(total, chunks, found.Count, found.Damaged, found.Cells);
    }

    private Checked[] CommitsOf(SessionSummary session) =>
    [
        .. Vault.ListGenerations(session.Handle).Where(g => g.Trust != CommitTrust.Refused)
            .Select(g => new Checked(g.Record.Generation, null, g.Offset, g.Hash)),
        .. Vault.ListForks(session.Handle).Where(f => f.Trust != CommitTrust.Refused)
            .Select(f => new Checked(f.Record.Generation, ForkName.Of(f.LeaseId), f.Offset, f.Hash)),
    ];

    private sealed record Checked(ulong Generation, string? Fork, long Offset, Digest Hash);
}
