using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;

namespace VmPod.HostGuard.Pods;

/// <summary>Takes one cell and its key out of a frame, into memory of this thread's own. One at a time.</summary>
internal sealed class CellFetch(int cellBytes) : ICellSink, IDisposable
{
    private const int KeyBytes = 32;
    private readonly LockedMemory key = new(KeyBytes);
    private readonly byte[] cell = new byte[cellBytes];
    private CellStatus status;

    /// <summary>True if the last cell was there, and not released to this lease.</summary>
    public bool IsRefused => status == CellStatus.Refused;

    /// <inheritdoc/>
    public void Take(int index, CellStatus status, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell)
    {
        this.status = status;
        key.CopyTo(this.key.Slice(0, KeyBytes));
        cell.CopyTo(this.cell);
    }

    /// <summary>Asks for a cell, waits, and hands it over; without its key if there is no room for it.</summary>
    /// <exception cref="VmPodException">Missing or damaged (5), not released (4), link lost (7).</exception>
    public void Run(WireLink wire, in CellId id, Span<byte> intoKey, Span<byte> intoCell, TimeSpan timeout)
    {
        bool sealedOnly = intoKey.IsEmpty;
        status = CellStatus.Ok;
        wire.GetCells(new CellsRequest { Want = sealedOnly ? CellWant.Cell : CellWant.Both, Urgency = 0, Ids = [id] }, this, timeout);
        Span<byte> taken = key.Slice(0, KeyBytes);
        switch (status)
        {
            case CellStatus.Ok:
                if (!sealedOnly)
                    taken.CopyTo(intoKey);
                taken.Clear();
                cell.CopyTo(intoCell);
                return;
            case CellStatus.Refused:
                throw new VmPodException(ExitCode.Refused, $"The pod does not release cell {id} to this lease.", "It was locked, or the lease was ended.");
            default:
                throw new VmPodException(ExitCode.Damaged, $"Cell {id} is {(status == CellStatus.Absent ? "missing from" : "damaged on")} the pod.",
                    "podkeeper verify DIR on the pod; use an older generation or a mirror.");
        }
    }

    /// <summary>Zeroes the key.</summary>
    public void Dispose() => key.Dispose();
}
