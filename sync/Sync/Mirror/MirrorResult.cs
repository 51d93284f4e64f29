using VmPod.Vault.Format;

namespace VmPod.Sync.Mirror;

/// <summary>What became of a mirror.</summary>
/// <param name="Verdict">What the pod is to what the mirror had. Older and forked are alarms: nothing was changed.</param>
/// <param name="Head">The number of the pod's head, which the mirror has now.</param>
/// <param name="HeadBefore">The one that it had; 0 for none.</param>
public sealed record MirrorResult(MirrorVerdict Verdict, ulong Head, ulong HeadBefore)
{
    /// <summary>Cells that were sent, or would be.</summary>
    public long Cells { get; init; }

    /// <summary>Bytes of cells and log.</summary>
    public long Bytes { get; init; }

    /// <summary>Bytes of the audit log.</summary>
    public long AuditBytes { get; init; }

    /// <summary>Cells that the head needs and that the pod has damaged or not at all, nor the mirror.</summary>
    public IReadOnlyList<CellId> Absent { get; init; } = [];

    /// <summary>Cells that the mirror freed, since what needed them was forgotten long enough ago.</summary>
    public long Freed { get; init; }
}
