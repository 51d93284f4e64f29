using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Where sealed cells come from: the store of this machine, or another one.</summary>
public interface ICellSource
{
    /// <summary>Bytes of every cell.</summary>
    int CellBytes { get; }

    /// <summary>Reads a cell whose hash is <paramref name="id"/>. False if it is not there.</summary>
    /// <exception cref="VmPodException">It is there but damaged (exit 5), or cannot be reached (exit 7).</exception>
    bool TryRead(in CellId id, Span<byte> cell);
}
