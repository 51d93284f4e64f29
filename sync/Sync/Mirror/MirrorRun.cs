using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Mirror;

/// <summary>
/// Brings a mirror to the newest head of a pod (S-160): cells first, then the log, then the head, then the audit log. Keyless; what it does is in the order
/// in which a cut at any point leaves the mirror with its old head or the new one.
/// </summary>
public static class MirrorRun
{
    /// <summary>Runs.</summary>
    /// <param name="from">The pod, or another mirror of it.</param>
    /// <param name="to">The mirror.</param>
    /// <param name="wishes">Say what would be sent and change nothing; hash what the mirror has.</param>
    /// <param name="progress">Told now and then.</param>
    /// <param name="cancel">Cuts it off: what came over stays, and no head is taken.</param>
    /// <exception cref="VmPodException">Either side refuses (4), is damaged or lies (5), is in use (6), is lost (7), full (8).</exception>
    public static MirrorResult Run(IMirrorReader from, IMirrorWriter to, MirrorWishes wishes, IProgress<MirrorProgress>? progress, CancellationToken cancel)
    {
        bool isDry = wishes.HasFlag(MirrorWishes.Dry);
        MirrorState source = from.Begin();
        MirrorState before = to.Begin(source.Descriptor, wishes);
        MirrorVerdict verdict = before.HasHead ? from.Judge(before) : MirrorVerdict.New;
        if (verdict is MirrorVerdict.Older or MirrorVerdict.Forked)
        {
            if (!isDry)
                to.Alarm(verdict);
            return new MirrorResult(verdict, source.Seq, before.Seq);
        }
        int cellBytes = source.CellBytes;
        long sent = 0;
        var absent = new List<CellId>();
        for (int round = 1; ; round++)
        {
            CellId[] lacks = to.Lacks(from.Ids());
            if (isDry)
            {
                return new MirrorResult(verdict, source.Seq, before.Seq)
                {
                    Cells = lacks.Length,
                    Bytes = lacks.Length * (long)cellBytes + source.LogBytes - before.LogBytes,
                };
            }
            absent.Clear();
            sent += Send(from, to, lacks, absent, progress, cancel);
            if (absent.Count == 0 || round == MirrorLimits.RoundsMax)
                break;
            // Freed meanwhile, or damaged. If the pod went on there is a newer head, which needs none of what was freed.
            MirrorState newer = from.Begin();
            if (newer.Seq == source.Seq)
                break;
            source = newer;
        }
        to.Flush();
        byte[] piece = new byte[MirrorLimits.PieceBytes];
        for (long offset = before.LogBytes; offset < source.LogBytes;)
        {
            cancel.ThrowIfCancellationRequested();
            int count = from.ReadLog(offset, piece.AsSpan(0, (int)Math.Min(piece.Length, source.LogBytes - offset)));
            if (count == 0)
                throw MirrorFrames.Broken("its log is shorter than it said");
            to.PutLog(offset, piece.AsSpan(0, count));
            offset += count;
        }
        MirrorState after = to.TakeHead(source.LogBytes);
        if (after.HeadHash != source.HeadHash)
            throw MirrorFrames.Broken("the mirror says that it has another head");
        return new MirrorResult(verdict, source.Seq, before.Seq)
        {
            Cells = sent,
            Bytes = sent * cellBytes + source.LogBytes - before.LogBytes,
            Absent = [.. absent],
            AuditBytes = SendAudit(from, to, before.AuditBytes, piece),
            // What is needed and not there leaves it open what else is.
            Freed = absent.Count > 0 ? 0 : to.Free(),
        };
    }

    private static long Send(IMirrorReader from, IMirrorWriter to, CellId[] lacks, List<CellId> absent, IProgress<MirrorProgress>? progress,
        CancellationToken cancel)
    {
        long sent = 0;
        for (int at = 0; at < lacks.Length; at += MirrorLimits.BatchCells)
        {
            cancel.ThrowIfCancellationRequested();
            progress?.Report(new MirrorProgress(at, lacks.Length));
            from.ReadCells(lacks.AsSpan(at, Math.Min(MirrorLimits.BatchCells, lacks.Length - at)), (id, cell) =>
            {
                if (cell.IsEmpty)
                {
                    absent.Add(id);
                    return;
                }
                to.Put(id, cell);
                sent++;
            });
        }
        progress?.Report(new MirrorProgress(lacks.Length, lacks.Length));
        return sent;
    }

    // The checkpoint before the entries: those that it covers are then there.
    private static long SendAudit(IMirrorReader from, IMirrorWriter to, long before, byte[] piece)
    {
        byte[] checkpoint = from.ReadCheckpoint();
        if (checkpoint.Length == 0)
            return 0;
        long offset = before;
        for (int count; (count = from.ReadAudit(offset, piece)) > 0; offset += count)
            to.PutAudit(offset, piece.AsSpan(0, count));
        to.TakeAudit(checkpoint);
        return offset - before;
    }
}
