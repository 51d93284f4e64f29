using System.Buffers.Binary;
using CsCheck;
using VmPod.Foundation;
using VmPod.Sync;
using VmPod.Vault.Format;

namespace VmPod.Vault.Tests.Sync;

public sealed class SyncPlanTests
{
    // Few ids and few needs, so that both sides share some and ties are common.
    private static readonly Gen<CellId[]> Ids = Gen.Int[0, 300].Array[0, 120]
        .Select(static numbers => numbers.Select(n => Id((ulong)n)).Distinct().Order().ToArray());

    [Fact]
    [Trait("Spec", "S-01")]
    [Trait("Spec", "S-02")]
    public void A_plan_holds_the_most_needed_of_the_cells_that_are_missing_there_in_order_of_need_then_id() =>
        Gen.Select(Ids, Ids, Gen.Int[1, 40], Gen.UInt[1, 5]).Sample((here, there, cellsMax, needs) =>
        {
            uint NeedOf(CellId id) => (uint)(id.GetHashCode() & int.MaxValue) % needs;
            CellId[] missing = [.. here.Except(there).OrderBy(NeedOf).ThenBy(static id => id)];
            SyncPlan plan = SyncPlan.Make(here, there, NeedOf, cellsMax);
            Assert.Equal(missing.Take(cellsMax), plan.Cells);
            Assert.Equal(missing.Length, plan.MissingCount);
            Assert.Equal(missing.Length <= cellsMax, plan.IsAll);
        }, iter: 5_000);

    [Fact]
    [Trait("Spec", "S-03")]
    public void Plans_in_a_row_send_each_missing_cell_once_and_none_twice_whenever_the_link_is_cut() =>
        Gen.Select(Ids, Ids, Gen.Int[1, 40], Gen.Int[0, 40]).Sample((here, there, cellsMax, arrive) =>
        {
            static uint NeedOf(CellId id) => (uint)(id.GetHashCode() & 3);
            var held = new SortedSet<CellId>(there);
            var sent = new List<CellId>();
            SyncPlan plan;
            while (!(plan = SyncPlan.Make(here, held, NeedOf, cellsMax)).IsAll || plan.Cells.Count > 0)
            {
                // Of each plan some cells arrive before the cut; at least one, or no link would ever end.
                CellId[] arrived = [.. plan.Cells.Take(Math.Max(1, arrive))];
                sent.AddRange(arrived);
                held.UnionWith(arrived);
            }
            Assert.Equal(here.Except(there).OrderBy(NeedOf).ThenBy(static id => id), sent);
        }, iter: 1_000);

    [Fact]
    [Trait("Spec", "S-02")]
    public void The_need_is_asked_once_for_each_missing_cell_and_for_no_other()
    {
        CellId[] here = [.. Count(1, 100)], there = [.. Count(51, 100)];
        var asked = new List<CellId>();
        _ = SyncPlan.Make(here, there, id => { asked.Add(id); return 0; }, 7);
        Assert.Equal(here.Except(there), asked);
    }

    [Fact]
    [Trait("Spec", "S-04")]
    public void Memory_is_that_of_the_plan_and_not_of_the_lists()
    {
        long small = AllocatedBy(2_000, 100), large = AllocatedBy(400_000, 100);
        Assert.InRange(large, 0, small + 4096);
        // The control: a larger plan does show.
        Assert.True(AllocatedBy(400_000, 20_000) > large + 20_000 * CellId.Size);
    }

    [Theory]
    [InlineData(1, 2, 2, 3)]
    [InlineData(1, 3, 2, 4)]
    [InlineData(0, 0, 1, 2)]
    [Trait("Spec", "S-05")]
    [Trait("Threat", "T-24")]
    public void A_list_of_the_other_side_that_does_not_ascend_is_refused(params int[] there)
    {
        var e = Assert.Throws<VmPodException>(() => Plan([.. Count(0, 10)], there.Select(n => Id((ulong)n))));
        Assert.Equal(ExitCode.Damaged, e.ExitCode);
    }

    [Fact]
    [Trait("Spec", "S-05")]
    public void A_list_of_this_side_that_does_not_ascend_is_a_bug() => Assert.Throws<ArgumentException>(() => Plan([Id(2), Id(2)], []));

    [Fact]
    [Trait("Spec", "S-06")]
    [Trait("Threat", "T-24")]
    public void A_list_without_end_is_refused_at_the_bound_and_not_read_beyond_what_matters()
    {
        var e = Assert.Throws<VmPodException>(() => SyncPlan.Make([Id(ulong.MaxValue)], Endless(), static _ => 0, 10, listedIdsMax: 5_000));
        Assert.Equal(ExitCode.NoSpace, e.ExitCode);
        Assert.Equal(0, SyncPlan.Make(Count(0, 5_000), Endless(), static _ => 0, 10, listedIdsMax: 5_000).MissingCount);
        Assert.Equal(0, SyncPlan.Make([], Endless(), static _ => 0, 10, listedIdsMax: 1).MissingCount);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(SyncLimits.PlanCellsMax + 1)]
    [Trait("Spec", "S-04")]
    public void A_plan_without_room_or_beyond_the_bound_is_a_bug(int cellsMax) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => SyncPlan.Make([], [], static _ => 0, cellsMax));

    private static SyncPlan Plan(IEnumerable<CellId> here, IEnumerable<CellId> there) => SyncPlan.Make(here, there, static _ => 0, 100);

    private static long AllocatedBy(int listed, int cellsMax)
    {
        // Once unmeasured: the first run also pays for types and tiers.
        _ = SyncPlan.Make(Count(1, listed), Count(0, 3), static _ => 0, cellsMax);
        long before = GC.GetAllocatedBytesForCurrentThread();
        SyncPlan plan = SyncPlan.Make(Count(1, listed), Count(0, 3), static _ => 0, cellsMax);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(listed - 2, plan.MissingCount);
        return allocated;
    }

    private static IEnumerable<CellId> Count(ulong first, int count)
    {
        for (ulong i = 0; i < (ulong)count; i++)
            yield return Id(first + i);
    }

    // Without end for a reader that keeps to its bound; one that does not shall fail here, not hang.
    private static IEnumerable<CellId> Endless()
    {
        for (ulong i = 0; i < 1_000_000; i++)
            yield return Id(i);
        throw new InvalidOperationException("The list was read far beyond the bound.");
    }

    private static CellId Id(ulong number)
    {
        Span<byte> bytes = stackalloc byte[CellId.Size];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(bytes, number);
        return CellId.ReadFrom(bytes);
    }
}
