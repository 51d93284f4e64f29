using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Sync.Mirror;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>
/// A copy of another pod that a served pod keeps, as that pod writes it over one link (P-125 to P-127): a mirror in a folder, within the room that this pod can
/// spare, with an entry in this pod's log.
/// </summary>
/// <param name="copy">The mirror; this one's from now on.</param>
/// <param name="place">Its folder, which the other side is not told.</param>
/// <param name="makeRoot">Makes the folder around it.</param>
/// <param name="keeper">The vault of the pod that keeps it.</param>
/// <param name="isFull">Whether only that is left which the keeping pod needs itself.</param>
/// <param name="log">Writes an entry of the keeping pod.</param>
internal sealed class KeptCopy(IMirrorWriter copy, string place, Action makeRoot, UInt128 keeper, Func<bool> isFull, Action<AuditEvent> log) : IMirrorWriter
{
    private bool isLogged;
    private long cells;

    public MirrorState Begin(ReadOnlyMemory<byte> descriptor, MirrorWishes wishes)
    {
        if (VaultDescriptor.Parse(descriptor.Span).VaultId == keeper)
            throw new VmPodException(ExitCode.Refused, "A pod does not keep its own mirror.", "Name another pod, or a folder on another disk.");
        if (!wishes.HasFlag(MirrorWishes.Dry))
            makeRoot();
        try
        {
            return copy.Begin(descriptor, wishes);
        }
        catch (VmPodException e) when (e.Message.Contains(place, StringComparison.Ordinal))
        {
            throw new VmPodException(e.ExitCode, e.Message.Replace(place, "The copy there", StringComparison.Ordinal), e.Hint, e);
        }
    }

    public CellId[] Known() => copy.Known();

    public CellId[] Lacks(CellId[] ids) => copy.Lacks(ids);

    public void Put(in CellId id, ReadOnlySpan<byte> cell)
    {
        CheckRoom();
        copy.Put(id, cell);
        cells++;
    }

    public void Flush() => copy.Flush();

    public void PutLog(long offset, ReadOnlySpan<byte> bytes)
    {
        CheckRoom();
        copy.PutLog(offset, bytes);
    }

    public MirrorState TakeHead(long logBytes)
    {
        CheckFirst();
        MirrorState state = copy.TakeHead(logBytes);
        log(new AuditEvent(AuditKind.MirrorKept, AuditOutcome.Ok)
        {
            Detail = { ["cells"] = cells, ["head"] = (long)Math.Min(state.Seq, (ulong)AuditLimits.NumberMax) },
        });
        return state;
    }

    public void PutAudit(long offset, ReadOnlySpan<byte> bytes)
    {
        CheckRoom();
        copy.PutAudit(offset, bytes);
    }

    public void TakeAudit(ReadOnlyMemory<byte> checkpoint) => copy.TakeAudit(checkpoint);

    public void Alarm(MirrorVerdict verdict)
    {
        CheckFirst();
        copy.Alarm(verdict);
        log(new AuditEvent(AuditKind.MirrorKept, AuditOutcome.Failed) { Detail = { ["alarm"] = verdict == MirrorVerdict.Older ? "older" : "forked" } });
    }

    public long Free() => copy.Free();

    public void Dispose() => copy.Dispose();

    // Looked at once a second by the server: what comes in that time is less than what is kept.
    private void CheckRoom()
    {
        if (isFull())
        {
            throw new VmPodException(ExitCode.NoSpace, "The pod there has only that room left which it keeps for its own sessions.",
                "Make room there, or keep the copies on another disk: podkeeper serve DIR --mirrors FOLDER.");
        }
    }

    // Each is an entry that stays for ever.
    private void CheckFirst()
    {
        if (isLogged)
            throw new VmPodException(ExitCode.Refused, "A link brings one head to a mirror.", "Connect again.");
        isLogged = true;
    }
}
