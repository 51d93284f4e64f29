using VmPod.Vault.Format;

namespace VmPod.Sync.Mirror;

/// <summary>A mirror that takes more. It proves everything that it is given.</summary>
public interface IMirrorWriter : IDisposable
{
    /// <summary>Opens the mirror of this vault, or begins one.</summary>
    /// <param name="descriptor">The vault's vault.json.</param>
    /// <param name="wishes">How.</param>
    MirrorState Begin(ReadOnlyMemory<byte> descriptor, MirrorWishes wishes);

    /// <summary>The ids that are here, ascending, none twice.</summary>
    CellId[] Known();

    /// <summary>Those of these ids, ascending, that are not here.</summary>
    CellId[] Lacks(CellId[] ids);

    /// <summary>Takes a cell; its hash is compared.</summary>
    void Put(in CellId id, ReadOnlySpan<byte> cell);

    /// <summary>Makes durable what was put.</summary>
    void Flush();

    /// <summary>Takes a piece of the log behind what is here.</summary>
    void PutLog(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Makes the log up to here count, if it proves itself.</summary>
    MirrorState TakeHead(long logBytes);

    /// <summary>Takes a piece of the audit log behind what is here.</summary>
    void PutAudit(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Makes it count, if this checkpoint covers what is here.</summary>
    void TakeAudit(ReadOnlyMemory<byte> checkpoint);

    /// <summary>Notes that an older or another state was shown.</summary>
    void Alarm(MirrorVerdict verdict);

    /// <summary>Frees what was forgotten long enough ago.</summary>
    /// <returns>How many cells.</returns>
    long Free();
}
