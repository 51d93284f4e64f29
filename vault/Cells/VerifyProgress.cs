namespace VmPod.Vault.Cells;

/// <summary>How far a verification is, in cells.</summary>
public readonly record struct VerifyProgress(long CellsDone, long CellsTotal);
