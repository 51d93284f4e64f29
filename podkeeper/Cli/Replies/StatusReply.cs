namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>status. What only the vault itself can say is null while another process has it.</summary>
internal sealed record StatusReply(
    string Vault, int CellBytes, DateTimeOffset Created, bool Unlocked, HolderReply? InUseBy, long? Cells, long? Bytes, int? Sessions,
    int? OpenLeases, long FreeBytes,
    long AuditEntries, bool AuditIntact, long FailedUnlocks, string Freshness, ServingReply? Serving = null,
    bool? Recovery = null, int Suite = 0, bool? LowSpace = null, long? ReserveBytes = null, long? FreedCells = null,
    DateTimeOffset? MirroredAt = null, long? MirroredHead = null, ulong? Head = null,
    IReadOnlyList<OpenForkReply>? Forks = null);
