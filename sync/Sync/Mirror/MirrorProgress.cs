namespace VmPod.Sync.Mirror;

/// <summary>How far a mirror is.</summary>
/// <param name="Cells">Cells that were sent.</param>
/// <param name="Total">Cells that are to be sent, as far as is known.</param>
public readonly record struct MirrorProgress(long Cells, long Total);
