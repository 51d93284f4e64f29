using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Repair from another copy: what is damaged here and whole there comes back, and nothing that a copy says is believed.</summary>
[Collection(PodsCollection.Name)]
[Trait("Threat", "T-02")]
public sealed class RepairTests
{
    private const int CellBytes = 16 * 1024;
    private const string Segment = "v1/segments/000000.seg", Log = "v1/log";

    [Fact]
    [Trait("Spec", "V-182")]
    public void Cells_that_are_damaged_or_gone_come_back_from_a_copy_and_are_appended()
    {
        using TestPod pod = Pod(out string copy);
        string segment = Path.Combine(pod.Folder, Segment);
        long cells = pod.Vault.Store.CellCount;
        pod.Vault.Dispose();
        for (int cell = 0; cell < cells; cell += 3)
            Flip(segment, (long)cell * CellBytes + 100 + cell);
        using (FileStream file = File.OpenWrite(segment))
            file.SetLength(file.Length - CellBytes * 5 / 2);
        pod.Reopen();
        VerifyReport before = pod.Vault.Verify(null, TestContext.Current.CancellationToken);
        Assert.False(before.IsComplete);
        Assert.ThrowsAny<VmPodException>(() => pod.Get());

        RepairReport dry = pod.Vault.Repair(copy, dryRun: true, null, TestContext.Current.CancellationToken);
        Assert.Equal((before.MissingCount, before.MissingCount, 0), (dry.MissingCount, dry.FetchedCount, dry.Left.Count));
        Assert.Equal(before.MissingCount, pod.Vault.Verify(null, TestContext.Current.CancellationToken).MissingCount);

        RepairReport done = pod.Vault.Repair(copy, dryRun: false, null, TestContext.Current.CancellationToken);
        Assert.Equal((before.MissingCount, 0), (done.FetchedCount, done.Left.Count));
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsComplete);
        pod.Reopen();
        FolderTree.AssertSame(pod.Source, pod.Get());
        Assert.Empty(SalvageTests.DeepCheck(pod, generation: 3));
        Assert.Equal(0, pod.Vault.Repair(copy, dryRun: false, null, TestContext.Current.CancellationToken).MissingCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Spec", "V-182")]
    public void A_copy_that_is_damaged_too_gives_what_it_has_and_nothing_that_it_pretends(bool opens)
    {
        using TestPod pod = Pod(out string copy);
        string segment = Path.Combine(pod.Folder, Segment), there = Path.Combine(copy, Segment);
        if (!opens)
            File.Delete(Path.Combine(copy, "v1/slots.bin"));
        // 4 and 5 are damaged here; there 5 is damaged too, and in place of 6 stands another cell.
        Flip(segment, 4 * CellBytes + 9);
        Flip(segment, 5 * CellBytes + 9);
        Flip(segment, 6 * CellBytes + 9);
        byte[] other = File.ReadAllBytes(there);
        other[5 * CellBytes + 7] ^= 1;
        other.AsSpan(7 * CellBytes, CellBytes).CopyTo(other.AsSpan(6 * CellBytes));
        File.WriteAllBytes(there, other);
        pod.Reopen();
        long cells = pod.Vault.Store.CellCount;
        RepairReport report = pod.Vault.Repair(copy, dryRun: false, null, TestContext.Current.CancellationToken);
        Assert.Equal((3, 1, 2), (report.MissingCount, report.FetchedCount, report.Left.Count));
        Assert.Equal(cells + 1, pod.Vault.Store.CellCount);
        Assert.Equal(2, pod.Vault.Verify(null, TestContext.Current.CancellationToken).MissingCount);
    }

    [Fact]
    [Trait("Spec", "V-182")]
    public void Another_vault_is_no_copy()
    {
        using TestPod pod = Pod(out _), other = Pod(out string copy);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() =>
            pod.Vault.Repair(copy, dryRun: false, null, TestContext.Current.CancellationToken)).ExitCode);
        pod.Vault.Dispose();
        File.Delete(Path.Combine(pod.Folder, Log));
        Assert.Empty(PodVault.RepairLog(pod.Folder, copy, dryRun: false).Pieces);
        Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() =>
            CopiedCells.Open(pod.Source, PodVaultDescriptor(copy), null!)).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-183")]
    public void A_flipped_bit_anywhere_in_the_log_is_put_right_from_a_copy()
    {
        using TestPod pod = Pod(out string copy);
        pod.Vault.Dispose();
        string log = Path.Combine(pod.Folder, Log);
        byte[] good = File.ReadAllBytes(log);
        int repaired = 0;
        for (int at = 0; at < good.Length; at += 211)
        {
            Flip(log, at);
            LogRepairReport dry = PodVault.RepairLog(pod.Folder, copy, dryRun: true);
            Assert.NotEqual(good, File.ReadAllBytes(log));
            LogRepairReport report = PodVault.RepairLog(pod.Folder, copy, dryRun: false);
            Assert.Equal(dry.Pieces, report.Pieces);
            Assert.Empty(report.LeftDamaged);
            LogRepairReport.Piece piece = Assert.Single(report.Pieces);
            Assert.InRange(at, piece.Offset, piece.Offset + piece.Bytes - 1);
            Assert.Equal(good, File.ReadAllBytes(log));
            repaired++;
        }
        Assert.True(repaired > 20, $"{repaired}");
        Assert.Empty(PodVault.RepairLog(pod.Folder, copy, dryRun: false).Pieces);
    }

    [Fact]
    [Trait("Spec", "V-183")]
    public void A_pod_whose_newest_head_is_lost_opens_for_writing_again()
    {
        using TestPod pod = Pod(out string copy);
        pod.Vault.Dispose();
        string log = Path.Combine(pod.Folder, Log);
        byte[] good = File.ReadAllBytes(log);
        File.WriteAllBytes(log, good[..^100]);
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => TestPod.Unlock(pod.Folder).Dispose()).ExitCode);
        Assert.Single(PodVault.RepairLog(pod.Folder, copy, dryRun: false).Pieces);
        Assert.Equal(good, File.ReadAllBytes(log));
        pod.Reopen();
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
    }

    [Fact]
    [Trait("Spec", "V-183")]
    public void Where_both_copies_are_damaged_at_one_place_the_rest_is_put_right()
    {
        using TestPod pod = Pod(out string copy);
        pod.Vault.Dispose();
        string log = Path.Combine(pod.Folder, Log), there = Path.Combine(copy, Log);
        byte[] good = File.ReadAllBytes(log);
        long[] heads = [.. Heads(good)];
        // The second group is damaged in both, the fourth here alone.
        Flip(log, heads[1] - 20);
        Flip(there, heads[1] - 21);
        Flip(log, heads[3] - 20);
        LogRepairReport report = PodVault.RepairLog(pod.Folder, copy, dryRun: false);
        Assert.Single(report.LeftDamaged);
        LogRepairReport.Piece piece = Assert.Single(report.Pieces);
        Assert.InRange(heads[3] - 20, piece.Offset, piece.Offset + piece.Bytes - 1);
        byte[] now = File.ReadAllBytes(log);
        now[heads[1] - 20] ^= 0x10;
        Assert.Equal(good, now);
    }

    // Who has the log key can sign a second line of heads from any point on. What it says never comes into this log.
    [Fact]
    [Trait("Spec", "V-183")]
    public void A_copy_that_went_another_way_gives_nothing_behind_the_parting()
    {
        using TestPod pod = Pod(out string copy);
        using (PodVault other = TestPod.Unlock(copy))
            TestPod.Put(other, pod.Source, "elsewhere");
        pod.Write("more", Data.Text(9, 1000));
        long parting = pod.Vault.Store.LogBytes;
        pod.Put();
        pod.Put();
        pod.Vault.Dispose();
        string log = Path.Combine(pod.Folder, Log);
        byte[] good = File.ReadAllBytes(log);
        // The attack: at the parting, entries of the other line stand here, head and all.
        long there = Heads(File.ReadAllBytes(Path.Combine(copy, Log))).First(h => h > parting);
        Assert.True(there < good.Length);
        Flip(log, parting + 30);
        Assert.Empty(PodVault.RepairLog(pod.Folder, copy, dryRun: false).Pieces);
        good[parting + 30] ^= 0x10;
        Assert.Equal(good, File.ReadAllBytes(log));
    }

    private static VaultDescriptor PodVaultDescriptor(string folder) => CellStore.ReadDescriptor(folder);

    private static IEnumerable<long> Heads(byte[] log)
    {
        for (long at = 0; at + 5 <= log.Length;)
        {
            if (log[at + 4] == HeadRecord.EntryType)
                yield return at;
            at += 5 + System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(log.AsSpan((int)at));
        }
    }

    private static TestPod Pod(out string copy)
    {
        var pod = new TestPod(CellBytes);
        for (int generation = 1; generation <= 3; generation++)
        {
            pod.Write("a", Data.Text(generation, 300_000));
            pod.Write("b", Data.Random(generation, 200_000));
            pod.Put();
        }
        pod.Vault.Dispose();
        copy = Path.Combine(pod.Root, "copy");
        FolderTree.Run("cp", "-a", pod.Folder, copy);
        pod.Reopen();
        return pod;
    }

    private static void Flip(string path, long at)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = at;
        int value = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(value ^ 0x10));
    }
}
