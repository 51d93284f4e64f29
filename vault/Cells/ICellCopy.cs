using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Cells of another copy of a vault, wherever it is.</summary>
public interface ICellCopy : IDisposable
{
    /// <summary>A cell that hashes to this id, if the copy has one.</summary>
    bool TryRead(in CellId id, Span<byte> cell);
}
