using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Cells from the store of this machine.</summary>
internal sealed class StoreCellSource(CellStore store) : ICellSource
{
    /// <inheritdoc/>
    public int CellBytes => store.CellBytes;

    /// <inheritdoc/>
    public bool TryRead(in CellId id, Span<byte> cell) => store.TryRead(id, cell);
}
