using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Tests.Cells;
using Xunit;

namespace VmPod.Vault.Tests.Corruption;

/// <summary>Cells swapped, doubled, deleted and put back old, pair by pair, and files cut at every length (SECURITY.md R4).</summary>
[Trait("Threat", "T-02")]
[Trait("Threat", "T-04")]
public sealed class CellPlacesTests(ITestOutputHelper output)
{
    private const int Cells = 66;
    private const string Segment = "v1/segments/000000.seg";

    [Fact]
    [Trait("Spec", "V-69")]
    [Trait("Spec", "V-71")]
    public void Every_pair_of_cells_swapped_or_doubled_is_damage_by_name()
    {
        using var pod = Pod();
        byte[] good = File.ReadAllBytes(pod.PathOf(Segment)), cell = new byte[PodFolder.CellBytes];
        using FileStream file = File.Open(pod.PathOf(Segment), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        using var store = pod.Open(StoreAccess.Read);
        int pairs = 0;
        for (int one = 0; one < Cells; one++)
        {
            for (int two = 0; two < one; two++)
            {
                pairs++;
                Write(two, one);
                Write(one, two);
                AssertDamaged(one, two);
                // Doubled: the newer place has the older cell, as a replay would leave it.
                Write(two, two);
                AssertDamaged(one);
                Assert.True(store.TryRead(PodFolder.Id(two), cell));
                Assert.Equal(PodFolder.Cell(two), cell);
                Write(one, one);
            }
        }
        Assert.True(store.Verify([.. Enumerable.Range(0, Cells).Select(PodFolder.Id)], null, default).IsSound);
        output.WriteLine($"{pairs} pairs swapped and doubled: all found");

        void Write(int from, int to)
        {
            file.Position = (long)to * PodFolder.CellBytes;
            file.Write(good, from * PodFolder.CellBytes, PodFolder.CellBytes);
            file.Flush();
        }

        void AssertDamaged(params int[] numbers)
        {
            foreach (int number in numbers)
                Assert.Throws<DamagedCellException>(() => store.TryRead(PodFolder.Id(number), cell));
            Assert.Equal(numbers.Length, store.Verify([.. numbers.Select(PodFolder.Id)], null, default).MissingCount);
        }
    }

    [Fact]
    [Trait("Spec", "V-68")]
    [Trait("Spec", "V-71")]
    public void Every_deleted_cell_and_every_length_of_a_cut_segment_is_told()
    {
        using var pod = Pod();
        CellId[] needed = [.. Enumerable.Range(0, Cells).Select(PodFolder.Id)];
        long length = new FileInfo(pod.PathOf(Segment)).Length;
        int cuts = 0;
        // Downwards, so that one file does; a length within a cell costs that cell, whichever it is.
        using FileStream file = File.Open(pod.PathOf(Segment), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        using var store = pod.Open(StoreAccess.Read);
        for (long at = length - 1; at >= 0; at -= 1 + at % Soak.Step(1777), cuts++)
        {
            file.SetLength(at);
            int whole = (int)(at / PodFolder.CellBytes);
            Assert.Throws<DamagedCellException>(() => store.Contains(PodFolder.Id(whole)));
            if (whole > 0)
                Assert.True(store.Contains(PodFolder.Id(whole - 1)));
            if (cuts % 50 == 0)
                Assert.Equal(Cells - whole, store.Verify(needed, null, default).MissingCount);
        }
        output.WriteLine($"{cuts} lengths of {length}");
        Assert.True(cuts > 500, $"{cuts}");
    }

    [Theory]
    [InlineData("v1/log", 3)]
    [InlineData("v1/slots.bin", 41)]
    [Trait("Spec", "V-62")]
    [Trait("Spec", "V-65")]
    public void Every_length_of_a_cut_log_or_slot_file_is_told_and_changes_no_cell(string name, int sample)
    {
        using var pod = Pod();
        byte[] good = File.ReadAllBytes(pod.PathOf(name));
        ulong newest;
        using (var store = pod.Open(StoreAccess.Read))
            newest = store.Head.Seq;
        int refused = 0, older = 0, same = 0;
        for (int length = 0; length < good.Length; length += Soak.Step(sample))
        {
            File.WriteAllBytes(pod.PathOf(name), good.AsSpan(0, length));
            try
            {
                using var store = pod.Open(StoreAccess.Read);
                // The newest head from the log though its slot is gone; or an older one, and that is said.
                Assert.Equal(store.Head.Seq != newest, store.NewestHeadLost);
                older += store.NewestHeadLost ? 1 : 0;
                same += store.NewestHeadLost ? 0 : 1;
                PodFolder.AssertReads(store, 0, 1);
            }
            catch (Foundation.VmPodException e)
            {
                Assert.Equal(Foundation.ExitCode.Damaged, e.ExitCode);
                refused++;
            }
        }
        output.WriteLine($"{name}: {refused} refused, {older} the head before and said so, {same} the newest out of the log");
        Assert.True(name == "v1/log" ? same == 0 && older > 0 : same > 0);
    }

    private static PodFolder Pod()
    {
        var pod = new PodFolder();
        using var store = pod.Create();
        _ = PodFolder.Append(store, 0, Cells / 2);
        _ = PodFolder.Commit(store, 1, 2, 3);
        _ = PodFolder.Append(store, Cells / 2, Cells / 2);
        _ = PodFolder.Commit(store, 4, 5, 6);
        return pod;
    }
}
