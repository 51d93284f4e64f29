namespace VmPod.Vault.Cells;

/// <summary>One call that is about to change the disk: what a test records, or makes fail by throwing.</summary>
internal sealed record DiskOperation(DiskOperationKind Kind, string Name, long Offset = 0, ReadOnlyMemory<byte> Data = default,
    string? Target = null, long Length = 0);
