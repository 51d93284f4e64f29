using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;
using VmPod.Vault.Keys;

namespace VmPod.Vault;

/// <summary>A vault as a mirror, and what a mirror is sent (V-189). Needs no key.</summary>
public sealed partial class PodVault
{
    // A pod that is written to has another head before what one head needs was found out; drafts come seconds apart.
    private const int SteadyTries = 16;

    // FORGETs that stand in the log from here on are not acted upon yet.
    private long forgetsBefore = long.MaxValue;

    /// <summary>Opens a mirror of a vault for taking more, or begins one in a new or empty folder.</summary>
    /// <exception cref="VmPodException">As <see cref="CellStore.OpenMirror(string, VaultDescriptor, IHeadAuthority)"/>.</exception>
    public static PodVault OpenMirror(string folder, VaultDescriptor descriptor, TimeProvider time)
    {
        var authority = new LogAuthority(null, descriptor.LogPublicKey.ToArray());
        return new PodVault(folder, StoreAccess.Write, CellStore.OpenMirror(folder, descriptor, authority), device: null, authority, time);
    }

    /// <summary>The newest head, and the ids of what somebody may open by it (V-162), ascending.</summary>
    /// <exception cref="VmPodException">The log is damaged, so that it cannot be told what is needed (5); the pod is too busy to be looked at (6).</exception>
    public (HeadMark Head, CellId[] Needed) TakeStock()
    {
        for (int i = 0; i < SteadyTries; i++)
        {
            HeadMark head = Store.Mark;
            CellId[] needed;
            lock (gate)
                needed = [.. FindNeeded([]).Cells.Enumerate()];
            if (Store.Mark.Seq == head.Seq)
                return (head, needed);
        }
        throw new VmPodException(ExitCode.Busy, "The pod is written to all the time: what it needs cannot be told.", "Try again when less is going on.");
    }

    /// <summary>The ids that stand here, as far as the log names them or they came since the newest head, ascending: cells are not read.</summary>
    public CellId[] KnownIds()
    {
        var known = new LiveSet();
        foreach (CellId id in CommittedCells().Concat(Store.AdoptedCells).Where(id => Store.IsKnown(id)))
            _ = known.Add(id);
        return [.. known.Enumerate()];
    }

    /// <summary>What a mirror's head is to this vault. The head proves itself: the log key signed it.</summary>
    /// <param name="payload">The HEAD entry's payload, as the mirror gave it.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="VmPodException">It is no head of this vault, or the log here is damaged (5).</exception>
    public WitnessVerdict Judge(ReadOnlySpan<byte> payload, CancellationToken cancel)
    {
        HeadRecord head = HeadRecord.Parse(payload);
        if (head.VaultId != Descriptor.VaultId || !authority.Verify(payload[..^HeadRecord.SignatureSize], head.Signature.Span))
        {
            throw new VmPodException(ExitCode.Damaged, "The mirror shows a head that this pod never signed.",
                "It is damaged, or lies: verify it, or make a new one elsewhere.");
        }
        return new WitnessedHead(head.VaultId, head.Seq, head.LogBytes, DomainHash.OfEntry(HeadRecord.EntryType, payload)).Judge(Store, cancel);
    }

    /// <summary>Frees what nobody needs, where FORGETs count only if they stand in the log before an offset (V-160).</summary>
    /// <returns>How many cells.</returns>
    /// <exception cref="VmPodException">The log or a needed cell is damaged: nothing was freed (5). No space for the map (8).</exception>
    public long FreeForgotten(long before, CancellationToken cancel)
    {
        if (!Store.IsLogSound(cancel))
            throw new VmPodException(ExitCode.Damaged, "The mirror's log is damaged: it cannot be told what is needed.", "Make a new mirror beside it.");
        NeededCells kept, strict;
        lock (gate)
        {
            strict = FindNeeded([]);
            forgetsBefore = before;
            try
            {
                kept = FindNeeded([]);
            }
            finally
            {
                forgetsBefore = long.MaxValue;
            }
        }
        return Store.Free(new FreeRequest
        {
            Needed = kept.Cells,
            IsHeld = kept.Leases.Contains,
            Head = static _ => throw new InvalidOperationException("A mirror makes no head."),
            // What came and went at the pod between two runs never was here.
            MayBeMissing = id => !strict.Cells.Contains(id),
        }, cancel).Cells;
    }
}
