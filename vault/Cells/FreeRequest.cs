using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>What a store may not free, and how it goes about it.</summary>
public sealed record FreeRequest
{
    /// <summary>Cells that somebody needs.</summary>
    public required LiveSet Needed { get; init; }

    /// <summary>Whether the lease with this id (the key id in a cell's header) may still name cells of its own that no commit named.</summary>
    public required Func<ulong, bool> IsHeld { get; init; }

    /// <summary>The content of the head that a freeing is committed with. Must not call the store.</summary>
    public required Func<CommitContext, HeadDraft> Head { get; init; }

    /// <summary>Which of the needed ids may be absent; null for none.</summary>
    public Func<CellId, bool>? MayBeMissing { get; init; }

    /// <summary>Says what would be freed, and frees nothing.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>Told how many positions were looked at.</summary>
    public IProgress<VerifyProgress>? Progress { get; init; }
}

/// <summary>What was freed.</summary>
/// <param name="Cells">Cells freed, or that would be.</param>
/// <param name="Bytes">Bytes that the disk has again.</param>
/// <param name="Moved">Cells that were stored anew to free the segments they stood in (only where the file system has no holes).</param>
/// <param name="Left">Cells that nobody needs and that stay: their segments are mostly needed, and the file system has no holes.</param>
/// <param name="HasHoles">Whether the file system can free a part of a file.</param>
public sealed record FreeReport(long Cells, long Bytes, long Moved, long Left, bool HasHoles);
