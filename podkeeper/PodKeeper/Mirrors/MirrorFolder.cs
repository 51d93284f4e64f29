using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Sync;
using VmPod.Sync.Mirror;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>A mirror in a folder, which takes more (P-111 to P-119). It has no key, and proves all that it takes.</summary>
/// <param name="folder">Its folder: new, empty, or an earlier mirror of the same vault.</param>
/// <param name="delay">How long it waits with what was forgotten; null for what it did before.</param>
/// <param name="isDismissed">Its owner says that an alarm is over.</param>
/// <param name="time">Its own clock.</param>
/// <param name="cancel">Stops what takes long.</param>
public sealed class MirrorFolder(string folder, TimeSpan? delay, bool isDismissed, TimeProvider time, CancellationToken cancel) : IMirrorWriter
{
    // Cells between two syncs: what a power cut can cost, and what the last sync has to wait for.
    private const int CellsOfFlush = 4096;

    private PodVault? vault;
    private AuditCopy? audit;
    private CellId[]? known;
    private MirrorNotes notes = new(0);
    private int unflushed;
    private bool checks;

    private PodVault Vault => vault ?? throw new InvalidOperationException("The mirror was not opened for writing.");

    /// <inheritdoc/>
    public MirrorState Begin(ReadOnlyMemory<byte> descriptor, MirrorWishes wishes)
    {
        bool isDry = wishes.HasFlag(MirrorWishes.Dry);
        checks = wishes.HasFlag(MirrorWishes.Check);
        VaultDescriptor of = VaultDescriptor.Parse(descriptor.Span);
        bool isThere = CellStore.CheckMirror(folder, of);
        if (isDry && (!isThere || !File.Exists(Path.Combine(folder, "vault.json"))))
        {
            known = [];
            return MirrorState.None;
        }
        if (isDry)
        {
            using CopyReader reader = CopyReader.Open(folder, time, cancel);
            using PodVault dry = PodVault.Open(folder, StoreAccess.Read, time);
            known = KnownOf(dry);
            return reader.Begin();
        }
        vault = PodVault.OpenMirror(folder, of, time);
        notes = MirrorNotes.TryRead(folder) ?? new MirrorNotes(of.VaultId);
        MirrorNotes said = notes with { Delay = delay ?? notes.Delay, AlarmMs = isDismissed ? 0 : notes.AlarmMs };
        if (said != notes)
            (notes = said).Write(folder);
        audit = new AuditCopy(folder, AuditTrail.KeyOf(of));
        return State(audit.Begin());
    }

    /// <inheritdoc/>
    public CellId[] Known() => known ??= KnownOf(Vault);

    /// <inheritdoc/>
    public CellId[] Lacks(CellId[] ids)
    {
        var lacks = new List<CellId>();
        CellId[] here = Known();
        // In plans of a bounded size, as over a link (S-04); equal needs, so they come in the order of ids.
        HashSet<CellId> planned = [];
        while (true)
        {
            SyncPlan plan = SyncPlan.Make(ids.Where(id => !planned.Contains(id)), here, static _ => 0, SyncLimits.PlanCellsMax);
            lacks.AddRange(plan.Cells);
            if (plan.IsAll)
                return [.. lacks];
            planned.UnionWith(plan.Cells);
        }
    }

    /// <inheritdoc/>
    public void Put(in CellId id, ReadOnlySpan<byte> cell)
    {
        cancel.ThrowIfCancellationRequested();
        if (cell.Length != Vault.Store.CellBytes || CellId.Of(cell) != id)
            throw new VmPodException(ExitCode.Damaged, "A cell that was sent is not what its id says: it was not stored.", "Verify the pod, and the link.");
        Vault.Store.Append(id, cell);
        if (++unflushed == CellsOfFlush)
            Flush();
    }

    /// <inheritdoc/>
    public void Flush()
    {
        Vault.Store.Flush();
        (unflushed, known) = (0, null);
    }

    /// <inheritdoc/>
    public void PutLog(long offset, ReadOnlySpan<byte> bytes) => Vault.Store.WriteLogPiece(offset, bytes);

    /// <inheritdoc/>
    public MirrorState TakeHead(long logBytes)
    {
        Vault.Store.TakeHead(logBytes);
        MirrorNotes now = notes.With(logBytes, time.GetUtcNow().ToUnixTimeMilliseconds());
        if (now != notes)
            (notes = now).Write(folder);
        known = null;
        return State(AuditCopy.BytesOf(folder));
    }

    /// <summary>All heads of the log, oldest first.</summary>
    public IEnumerable<(HeadMark Mark, HeadRecord Head)> Heads()
    {
        CellStore store = Vault.Store;
        foreach (LogEntryHeader entry in store.EnumerateLog(0).Where(e => e.Type == HeadRecord.EntryType))
        {
            HeadRecord head = HeadRecord.Parse(store.ReadEntry(entry.Offset).Payload.Span);
            yield return (new HeadMark(head.Seq, entry.Offset, entry.Bytes, Digest.Zero), head);
        }
    }

    /// <summary>What the head that is here needs, ascending, whether it is here or not.</summary>
    public CellId[] Needed() => Vault.TakeStock().Needed;

    /// <summary>A piece of the log that counts.</summary>
    public int ReadLog(long offset, Span<byte> into) => Vault.Store.ReadLogBytes(offset, into);

    /// <summary>Cells that the head that is here needs and that did not come: a copy can leave out what it likes.</summary>
    public CellId[] FindMissing()
    {
        HashSet<CellId> here = [.. Known()];
        return [.. Needed().Where(id => !here.Contains(id))];
    }

    /// <inheritdoc/>
    public void PutAudit(long offset, ReadOnlySpan<byte> bytes) => audit!.Write(offset, bytes);

    /// <inheritdoc/>
    public void TakeAudit(ReadOnlyMemory<byte> checkpoint) => audit!.Take(checkpoint.ToArray());

    /// <inheritdoc/>
    public void Alarm(MirrorVerdict verdict) => (notes = notes with { AlarmMs = Math.Max(1, time.GetUtcNow().ToUnixTimeMilliseconds()) }).Write(folder);

    /// <inheritdoc/>
    public long Free() => notes.AlarmMs != 0 ? 0 : Vault.FreeForgotten(notes.OldEnough(time.GetUtcNow().ToUnixTimeMilliseconds()), cancel);

    /// <inheritdoc/>
    public void Dispose() => vault?.Dispose();

    private CellId[] KnownOf(PodVault copy)
    {
        CellId[] ids = copy.KnownIds();
        return checks ? [.. ids.Where(IsSound)] : ids;

        bool IsSound(CellId id)
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                return copy.Store.Contains(id);
            }
            catch (DamagedCellException)
            {
                return false;
            }
        }
    }

    private MirrorState State(long auditBytes)
    {
        CellStore store = Vault.Store;
        HeadMark head = store.Mark;
        var payload = new byte[head.Bytes];
        if (head.Seq > 0)
            _ = store.ReadLogBytes(head.Offset + StoreLimits.EntryHeaderBytes, payload);
        return new MirrorState(store.Descriptor.Encode(), payload, head.LogBytes, auditBytes);
    }
}
