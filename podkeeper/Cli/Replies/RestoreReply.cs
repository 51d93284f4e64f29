namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>restore.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Folder">Where it is now.</param>
/// <param name="Head">The number of its head.</param>
/// <param name="Cells">Cells that were fetched.</param>
/// <param name="Bytes">Bytes of cells and log.</param>
/// <param name="Absent">Cells that are needed and that the mirror has not whole.</param>
internal sealed record RestoreReply(string Vault, string Folder, ulong Head, long Cells, long Bytes, long Absent);
