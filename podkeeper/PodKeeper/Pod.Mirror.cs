using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Sync.Mirror;

namespace VmPod.PodKeeper;

/// <summary>Mirrors: what is written down of them.</summary>
public sealed partial class Pod
{
    /// <summary>Writes down what became of a mirror: taken (sync), or an alarm. A copy without a log key writes nothing.</summary>
    /// <exception cref="VmPodException">The log cannot be written (5, 6, 8).</exception>
    public void LogMirror(MirrorVerdict verdict, ulong head, long cells)
    {
        if (!Audit.CanAppend)
            return;
        long number = (long)Math.Min(head, (ulong)AuditLimits.NumberMax);
        Audit.Append(verdict switch
        {
            MirrorVerdict.Older => new AuditEvent(AuditKind.RollbackAlarm, AuditOutcome.Failed) { Detail = { ["by"] = "mirror", ["head"] = number } },
            MirrorVerdict.Forked => new AuditEvent(AuditKind.ForkAlarm, AuditOutcome.Failed) { Detail = { ["by"] = "mirror", ["head"] = number } },
            _ => new AuditEvent(AuditKind.Sync, AuditOutcome.Ok) { Detail = { ["by"] = "mirror", ["cells"] = cells, ["head"] = number } },
        });
    }

    /// <summary>When a mirror last took a head of this pod, and its number, as the audit log says; null for never.</summary>
    public static (DateTimeOffset Time, long Head)? LastMirrored(AuditReader audit)
    {
        AuditEntry? last = audit.Read(new AuditFilter(Event: AuditKinds.NameOf(AuditKind.Sync))).LastOrDefault(e => e.Outcome == AuditOutcome.Ok);
        return last is not null && last.Detail.TryGetValue("head", out AuditValue head) ? (last.Time, head.Number) : null;
    }
}
