using VmPod.Foundation;
using VmPod.Sync.Mirror;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>
/// A copy as it was at an older head (P-122): its log is fetched and proved first, and says what that head needs. The cells are there as long as a mirror
/// keeps what was forgotten.
/// </summary>
/// <param name="copy">The copy; this one's from now on.</param>
/// <param name="isWanted">Whether a head is not too new; the newest such one is taken.</param>
/// <param name="scratch">A folder that is not there: the logs are in it meanwhile, no cell.</param>
/// <param name="time">The clock.</param>
/// <param name="cancel">Stops it.</param>
public sealed class OlderCopy(IMirrorReader copy, Func<HeadRecord, bool> isWanted, string scratch, TimeProvider time, CancellationToken cancel) : IMirrorReader
{
    private MirrorState state = MirrorState.None;
    private CellId[] needed = [];

    /// <inheritdoc/>
    public MirrorState Begin()
    {
        // An older head does not go away.
        if (state.HasHead)
            return state;
        MirrorState newest = copy.Begin();
        // What one left that was killed.
        if (Directory.Exists(scratch))
            Directory.Delete(scratch, recursive: true);
        using var whole = new MirrorFolder(Path.Combine(scratch, "whole"), null, false, time, cancel);
        _ = whole.Begin(newest.Descriptor, MirrorWishes.None);
        Take(whole, newest.LogBytes, copy.ReadLog);
        HeadMark older = whole.Heads().LastOrDefault(h => isWanted(h.Head)).Mark ?? throw new VmPodException(ExitCode.NotFound,
            "The copy has no head that is old enough.", "podkeeper audit show MIRROR lists what was done, and when.");
        using var cut = new MirrorFolder(Path.Combine(scratch, "cut"), null, false, time, cancel);
        _ = cut.Begin(newest.Descriptor, MirrorWishes.None);
        MirrorState at = Take(cut, older.LogBytes, whole.ReadLog);
        needed = cut.Needed();
        return state = at with { AuditBytes = newest.AuditBytes };
    }

    /// <inheritdoc/>
    public CellId[] Ids() => needed;

    /// <inheritdoc/>
    public void ReadCells(ReadOnlySpan<CellId> ids, MirrorCell take) => copy.ReadCells(ids, take);

    /// <inheritdoc/>
    public int ReadLog(long offset, Span<byte> into) => copy.ReadLog(offset, into[..(int)Math.Clamp(state.LogBytes - offset, 0, into.Length)]);

    /// <inheritdoc/>
    public int ReadAudit(long offset, Span<byte> into) => copy.ReadAudit(offset, into);

    /// <inheritdoc/>
    public byte[] ReadCheckpoint() => copy.ReadCheckpoint();

    /// <inheritdoc/>
    public MirrorVerdict Judge(MirrorState mirror) => throw new InvalidOperationException("An older head is restored into a new folder.");

    /// <inheritdoc/>
    public void Dispose()
    {
        copy.Dispose();
        if (Directory.Exists(scratch))
            Directory.Delete(scratch, recursive: true);
    }

    private delegate int LogReader(long offset, Span<byte> into);

    private static MirrorState Take(MirrorFolder into, long end, LogReader read)
    {
        byte[] piece = new byte[MirrorLimits.PieceBytes];
        for (long offset = 0; offset < end;)
        {
            int count = read(offset, piece.AsSpan(0, (int)Math.Min(piece.Length, end - offset)));
            if (count == 0)
                throw new VmPodException(ExitCode.Damaged, "The copy's log is shorter than it said.", "Verify the copy.");
            into.PutLog(offset, piece.AsSpan(0, count));
            offset += count;
        }
        return into.TakeHead(end);
    }
}
