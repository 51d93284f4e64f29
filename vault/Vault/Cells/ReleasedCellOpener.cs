using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Cells;

/// <summary>
/// Opens cells with keys that a pod released one by one. What was fetched must hash to the id that was asked for; T is not checked: that takes the lease's
/// MAC key, which a host has of its own lease only (rule 29). A home host that has the keys of other leases too (rule 24) checks it.
/// </summary>
internal sealed class ReleasedCellOpener(IReleasedCellSource cells, LeaseKeys own) : ICellOpener
{
    private const int KeyBytes = KeyDerivation.KeyBytes;
    private readonly ThreadLocal<Scratch> scratch = new(() => new Scratch(cells.CellBytes), trackAllValues: true);

    /// <inheritdoc/>
    public int CellBytes => cells.CellBytes;

    /// <inheritdoc/>
    public bool IsFar => true;

    /// <inheritdoc/>
    public int FetchAhead(IReadOnlyList<CellId> ids, bool isAwaited, Func<bool> goesOn) => cells.FetchAhead(ids, isAwaited, goesOn);

    /// <inheritdoc/>
    public void Open(in CellId id, Span<byte> work)
    {
        Scratch s = scratch.Value!;
        Span<byte> key = s.Key.Slice(0, KeyBytes);
        try
        {
            bool isOwn = cells.TryTakeOwn(id, s.Cell);
            if (!isOwn)
                cells.Fetch(id, key, s.Cell);
            if (CellId.Of(s.Cell) != id)
                throw new VmPodException(ExitCode.Damaged, $"The pod sent another cell than {id}.", "Verify the pod: podkeeper verify DIR.");
            if (isOwn ? !CellCipher.TryOpen(own, s.Cell, work) || !CellCipher.MacIsRight(own, s.Cell, work)
                : !CellCipher.TryOpen(own.Suite, key, s.Cell, work)
                    || (cells.KeysOf(CellHeader.KeyIdOf(s.Cell)) is { } held && !CellCipher.MacIsRight(held, s.Cell, work)))
                throw KeyedCellOpener.DoesNotOpen(id);
        }
        catch
        {
            work.Clear();
            throw;
        }
        finally
        {
            key.Clear();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Scratch s in scratch.Values)
            s.Dispose();
        scratch.Dispose();
        cells.DropKeys();
    }

    private sealed class Scratch(int cellBytes) : IDisposable
    {
        public readonly byte[] Cell = new byte[cellBytes];
        public readonly LockedMemory Key = new(KeyBytes);

        public void Dispose() => Key.Dispose();
    }
}
