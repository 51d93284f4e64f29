namespace VmPod.Vault.Cells;

/// <summary>The calls that change what is on the disk.</summary>
internal enum DiskOperationKind
{
    Create,
    CreateFolder,
    Write,
    Truncate,
    Sync,
    SyncFolder,
    Rename,
    Delete,
    Punch,
}
