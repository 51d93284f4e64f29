namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>gc.</summary>
/// <param name="DryRun">Nothing was freed.</param>
/// <param name="CellsFreed">Cells that were freed, or would be.</param>
/// <param name="BytesFreed">Bytes that the disk has again.</param>
/// <param name="CellsMoved">Cells stored anew for that; only where the file system has no holes.</param>
/// <param name="CellsLeft">Cells that nobody needs and that stay; likewise.</param>
/// <param name="CellsNeeded">Cells that are needed.</param>
/// <param name="LeasesHeld">Leases that may still name cells of their own.</param>
/// <param name="Holes">Whether the file system can free a part of a file.</param>
internal sealed record GcReply(bool DryRun, long CellsFreed, long BytesFreed, long CellsMoved, long CellsLeft, long CellsNeeded, int LeasesHeld, bool Holes);
