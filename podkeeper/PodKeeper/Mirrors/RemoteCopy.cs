using VmPod.Foundation;
using VmPod.Sync.Mirror;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>A copy of a vault on another machine, as something to repair from.</summary>
/// <param name="reader">The other machine; the copy's from now on.</param>
/// <param name="time">The clock.</param>
public sealed class RemoteCopy(IMirrorReader reader, TimeProvider time) : ICellCopy
{
    private MirrorState? state;

    private MirrorState State => state ??= reader.Begin();

    /// <inheritdoc/>
    public bool TryRead(in CellId id, Span<byte> cell)
    {
        byte[] found = [];
        if (State.CellBytes != cell.Length)
            return false;
        reader.ReadCells([id], (_, bytes) => found = bytes.ToArray());
        found.CopyTo(cell);
        return found.Length > 0;
    }

    /// <summary>Fetches its log into a new folder: a copy of the vault without a cell, which proves itself as a mirror does.</summary>
    /// <returns>The folder; the caller's to remove.</returns>
    /// <exception cref="VmPodException">It is damaged there, or a lie (5); no space (8).</exception>
    internal string FetchLog(string folder, CancellationToken cancel)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        using var copy = new MirrorFolder(folder, delay: null, isDismissed: false, time, cancel);
        _ = copy.Begin(State.Descriptor, MirrorWishes.None);
        byte[] piece = new byte[MirrorLimits.PieceBytes];
        for (long offset = 0; offset < State.LogBytes;)
        {
            cancel.ThrowIfCancellationRequested();
            int count = reader.ReadLog(offset, piece);
            if (count == 0)
                throw new VmPodException(ExitCode.Damaged, "The copy's log is shorter than it said.", "Verify the copy.");
            copy.PutLog(offset, piece.AsSpan(0, count));
            offset += count;
        }
        _ = copy.TakeHead(State.LogBytes);
        return folder;
    }

    /// <inheritdoc/>
    public void Dispose() => reader.Dispose();
}
