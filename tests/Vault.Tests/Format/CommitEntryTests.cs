using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.Vault.Tests.Format;

/// <summary>A commit's entry: record, signature, and the lists that the record's hashes are of.</summary>
public sealed class CommitEntryTests
{
    [Fact]
    [Trait("Spec", "V-33")]
    public void Lists_that_are_not_those_of_the_record_are_refused()
    {
        CellId[] ids = [.. Enumerable.Range(1, 5).Select(i => CellId.Of([(byte)i])).Order()];
        CommitEntry good = Entry(ids[..3], ids[3..]);
        CommitEntry again = CommitEntry.Read(good.ToBytes());
        Assert.Equal(good.Added, again.Added);
        Assert.Equal(good.Dropped, again.Dropped);
        Assert.Equal(good.ToBytes(), again.ToBytes());

        Refuse(good with { Added = [ids[0], ids[1], ids[3]] });
        Refuse(good with { Added = ids[..2] });
        Refuse(good with { Dropped = [] });
        // In another order, and with the hash of that order.
        Refuse(Entry([ids[1], ids[0]], []));
        Refuse(Entry([ids[0], ids[0]], []));
    }

    private static void Refuse(CommitEntry entry) =>
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => CommitEntry.Read(entry.ToBytes())).ExitCode);

    private static CommitEntry Entry(CellId[] added, CellId[] dropped) => new(
        new CommitRecord
        {
            VaultId = 1,
            Session = new SessionHandle(2),
            LeaseId = 3,
            Term = 4,
            Number = 5,
            Kind = GenerationKind.Checkpoint,
            Generation = 6,
            TimeMs = 7,
            Parent = Digest.Zero,
            ParentOffset = ulong.MaxValue,
            SessionOffset = 8,
            LeaseOffset = 9,
            ManifestCells = [CellId.Of([9])],
            ManifestSlot = 0,
            ManifestBytes = 10,
            AddedCount = (uint)added.Length,
            AddedHash = CommitRecord.HashOfIds(added),
            DroppedCount = (uint)dropped.Length,
            DroppedHash = CommitRecord.HashOfIds(dropped),
            LiveCount = 11,
            LiveRoot = Digest.Zero,
        },
        new byte[CommitRecord.SignatureBytes], added, dropped);
}
