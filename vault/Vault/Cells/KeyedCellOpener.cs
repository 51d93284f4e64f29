using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Opens cells with the keys of their leases, and checks T: for who holds the session's key.</summary>
internal sealed class KeyedCellOpener(ICellSource cells, ILeaseKeySource keys) : ICellOpener
{
    // Ciphertext only: an ordinary array will do.
    private readonly ThreadLocal<byte[]> buffer = new(() => new byte[cells.CellBytes]);

    /// <inheritdoc/>
    public int CellBytes => cells.CellBytes;

    /// <inheritdoc/>
    public void Open(in CellId id, Span<byte> work)
    {
        byte[] cell = buffer.Value!;
        if (!cells.TryRead(id, cell))
            throw new VmPodException(ExitCode.Damaged, $"Cell {id} is missing from the vault.",
                "Run podkeeper verify; restore the cell from a mirror, or use an older generation.");
        if (CellHeader.TryRead(cell, out CellHeader header) && keys.Find(header.KeyId) is { } leaseKeys && CellCipher.TryOpen(leaseKeys, cell, work)
            && CellCipher.MacIsRight(leaseKeys, cell, work))
            return;
        work.Clear();
        throw DoesNotOpen(id);
    }

    /// <summary>The error of a cell that is there and is not what the session's keys made.</summary>
    public static VmPodException DoesNotOpen(CellId id) => new(ExitCode.Damaged, $"Cell {id} does not open with this session's keys.",
        "The vault was changed by somebody without its keys. Use an older generation or a mirror.");

    /// <inheritdoc/>
    public void Dispose() => buffer.Dispose();
}
