using VmPod.Vault.Format;

namespace VmPod.Sync.Mirror;

/// <summary>A copy of a vault that is read: a pod, or a mirror of it. No key is needed for anything here.</summary>
public interface IMirrorReader : IDisposable
{
    /// <summary>Takes the newest head: what follows is about that one.</summary>
    MirrorState Begin();

    /// <summary>The ids that this head needs, ascending, none twice.</summary>
    CellId[] Ids();

    /// <summary>Reads cells, at most <see cref="MirrorLimits.GetCells"/>, and gives each to <paramref name="take"/> in this order: empty if it is not
    /// there, or damaged.</summary>
    void ReadCells(ReadOnlySpan<CellId> ids, MirrorCell take);

    /// <summary>A piece of the log, as long as there is so much.</summary>
    int ReadLog(long offset, Span<byte> into);

    /// <summary>A piece of the audit log's entries.</summary>
    int ReadAudit(long offset, Span<byte> into);

    /// <summary>The audit log's checkpoint, to be read before its entries; empty if there is no audit log.</summary>
    byte[] ReadCheckpoint();

    /// <summary>What this copy is to a mirror with such a state.</summary>
    MirrorVerdict Judge(MirrorState mirror);
}

/// <summary>Takes a cell.</summary>
/// <param name="id">The id that was asked for.</param>
/// <param name="cell">Its bytes; empty if there is none.</param>
public delegate void MirrorCell(CellId id, ReadOnlySpan<byte> cell);
