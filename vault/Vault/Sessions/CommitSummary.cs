using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>What a commit did.</summary>
/// <param name="Record">The signed record.</param>
/// <param name="CellsAdded">Cells that the session needs now and did not before.</param>
/// <param name="CellsDropped">Cells that it needs no more.</param>
public sealed record CommitSummary(CommitRecord Record, int CellsAdded, int CellsDropped);
