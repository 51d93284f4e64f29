using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Cells;

/// <summary>Where a host gets cells and the keys of just these cells: a pod over a link. Thread-safe.</summary>
public interface IReleasedCellSource
{
    /// <summary>Bytes of every cell.</summary>
    int CellBytes { get; }

    /// <summary>Gives a cell that this host made and still has, so that it need not be fetched. False if it has not.</summary>
    bool TryTakeOwn(in CellId id, Span<byte> cell);

    /// <summary>Fetches a cell and its key.</summary>
    /// <param name="id">The cell.</param>
    /// <param name="key">Gets K_rec, 32 bytes; locked memory of the caller.</param>
    /// <param name="cell">Gets the cell, <see cref="CellBytes"/> bytes. Need not be checked: the caller hashes it.</param>
    /// <exception cref="VmPodException">Missing or damaged on the pod (5), not released to this lease (4), link lost (7).</exception>
    void Fetch(in CellId id, Span<byte> key, Span<byte> cell);

    /// <summary>Fetches cells that are needed soon, so that <see cref="Fetch"/> finds them here: many at a time, in this order. Returns when they are here,
    /// passed over, or not wanted any more. It throws nothing: what is damaged or out of reach is found by who fetches it. A source that is near does
    /// nothing.</summary>
    /// <param name="ids">The cells. Those that are here already are left out.</param>
    /// <param name="isAwaited">True if somebody waits for them; else all that somebody waits for goes first.</param>
    /// <param name="goesOn">Asked now and then, on the caller's thread; false ends it.</param>
    /// <returns>How many of them are not here.</returns>
    int FetchAhead(IReadOnlyList<CellId> ids, bool isAwaited, Func<bool> goesOn) => 0;

    /// <summary>The keys of a lease, if this host has them: then T is checked too. They stay the source's.</summary>
    LeaseKeys? KeysOf(ulong leaseId) => null;

    /// <summary>Zeroes what keys it keeps, if it keeps any: nothing is asked of it any more.</summary>
    void DropKeys()
    {
    }
}
