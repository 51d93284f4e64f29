using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Fetches cells and opens them: with the keys of leases (whoever holds the session's key), or with the keys of single cells (a host).</summary>
internal interface ICellOpener : IDisposable
{
    /// <summary>Bytes of every cell.</summary>
    int CellBytes { get; }

    /// <summary>
    /// Opens the cell whose hash is <paramref name="id"/>. <paramref name="work"/> gets { header, 16 bytes | plaintext, capacity bytes }; it is zeroed on
    /// failure. Thread-safe.
    /// </summary>
    /// <exception cref="VmPodException">Missing or damaged (5), refused (4), link lost (7).</exception>
    void Open(in CellId id, Span<byte> work);

    /// <summary>As <see cref="IReleasedCellSource.FetchAhead"/>; nothing where cells are near.</summary>
    int FetchAhead(IReadOnlyList<CellId> ids, bool isAwaited, Func<bool> goesOn) => 0;

    /// <summary>True where a cell may be far away, so that <see cref="FetchAhead"/> is worth its while.</summary>
    bool IsFar => false;
}
