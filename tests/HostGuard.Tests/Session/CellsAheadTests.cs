using VmPod.HostGuard.Pods;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.HostGuard.Tests.Session;

/// <summary>Cells that are fetched before anybody waits for them, beside those that somebody waits for.</summary>
public sealed class CellsAheadTests
{
    private const int CellBytes = 4096;

    private readonly HashSet<CellId> here = [];
    private readonly List<CellId> asked = [];

    private static CellId[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => CellId.Of(BitConverter.GetBytes(i)))];

    private CellsAhead Make() => new(CellBytes, (in CellId id, ReadOnlySpan<byte> _, ReadOnlySpan<byte> _) => here.Add(id), here.Contains);

    private ValueTask Answer(CellsRequest request, ICellSink sink)
    {
        asked.AddRange(request.Ids);
        for (int i = 0; i < request.Ids.Count; i++)
            sink.Take(i, CellStatus.Ok, default, new byte[CellBytes]);
        return ValueTask.CompletedTask;
    }

    [Fact]
    [Trait("Spec", "H-153")]
    public void What_came_meanwhile_because_somebody_waited_for_it_is_not_asked_for_again()
    {
        CellId[] ids = Ids(40);
        Assert.True(Make().Fetch(Answer, ids, CellWant.Both, isAwaited: false, () => true));
        Assert.Equal(ids, asked);
        (CellId[] again, CellsAhead ahead) = (Ids(80), Make());
        asked.Clear();
        here.Clear();
        Assert.True(ahead.Fetch((request, sink) =>
        {
            // The list was made before; a reader has taken the last ten by now.
            here.UnionWith(again[^10..]);
            return Answer(request, sink);
        }, again, CellWant.Both, isAwaited: false, () => true));
        Assert.Equal(again[..^10], asked);
    }

    [Fact]
    [Trait("Spec", "H-153")]
    public async Task A_cell_that_one_fetches_is_waited_for_by_others_and_asked_for_once()
    {
        CellId[] ids = Ids(8);
        CellsAhead ahead = Make();
        Assert.False(ahead.WaitFor(ids[3], TimeSpan.FromMinutes(1)));
        Assert.True(ahead.Claim(ids[3]));
        Assert.False(ahead.Claim(ids[3]));
        Assert.False(ahead.WaitFor(ids[3], TimeSpan.FromMilliseconds(1)));
        Assert.True(ahead.Fetch(Answer, ids, CellWant.Both, isAwaited: false, () => true));
        Assert.Equal(ids.Where(id => id != ids[3]), asked);
        Task<bool> waiting = Task.Run(() => ahead.WaitFor(ids[3], TimeSpan.FromMinutes(1)));
        ahead.Release(ids[3]);
        // It may have begun to wait only after that: then nothing was on its way.
        _ = await waiting;
        Assert.True(ahead.Claim(ids[3]));
    }
}
