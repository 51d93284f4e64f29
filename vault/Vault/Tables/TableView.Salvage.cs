using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Tables;

/// <content>Reading past what is damaged: which keys cannot be told, and all others.</content>
internal sealed partial class TableView<TValue, TFormat>
{
    private static readonly ChunkKey End = new(uint.MaxValue, ulong.MaxValue);

    /// <summary>Keys whose entries a run had, and that do not read any more.</summary>
    /// <param name="From">The first key.</param>
    /// <param name="To">The key behind the last.</param>
    /// <param name="Run">The run: newer ones still tell what they have there.</param>
    /// <param name="Place">The leaf, or list of leaves, that does not open.</param>
    /// <param name="What">Why.</param>
    public readonly record struct LostRange(ChunkKey From, ChunkKey To, int Run, PayloadRef Place, string What);

    /// <summary>Opens every leaf and every list of leaves: what of them is lost.</summary>
    public IReadOnlyList<LostRange> FindLost()
    {
        var lost = new List<LostRange>();
        for (int run = 0; run < runs.Length; run++)
        {
            if (runs[run].Descriptor.Inline.Length > 0)
            {
                if (Problem(() => InlineOf(runs[run])) is { } broken)
                    lost.Add(new LostRange(default, End, run, default, broken));
                continue;
            }
            IReadOnlyList<LeafRef> leaves = [];
            if (Problem(() => leaves = LeavesOf(runs[run])) is { } noList)
            {
                lost.AddRange(runs[run].Descriptor.Index.Select(place => new LostRange(default, End, run, place, noList)));
                continue;
            }
            for (int i = 0; i < leaves.Count; i++)
            {
                if (Problem(() => Load(leaves[i])) is { } what)
                    lost.Add(new LostRange(leaves[i].First, i + 1 < leaves.Count ? leaves[i + 1].First : End, run, leaves[i].Place, what));
            }
        }
        return lost;
    }

    /// <summary>
    /// All entries that can be told although some ranges are lost. Where a run is damaged the older ones are not asked: what they have there may have been
    /// replaced, and an old version must never be taken for the newest (V-181).
    /// </summary>
    /// <param name="from">The first key.</param>
    /// <param name="to">The key behind the last.</param>
    /// <param name="lost">What <see cref="FindLost"/> found.</param>
    /// <param name="hole">Told each range in which only entries that are given are known, and all other keys may have been anything.</param>
    public IEnumerable<KeyValuePair<ChunkKey, TValue>> EnumerateKnown(ChunkKey from, ChunkKey to, IReadOnlyList<LostRange> lost,
        Action<ChunkKey, ChunkKey> hole)
    {
        ChunkKey[] edges = [.. lost.SelectMany(l => new[] { l.From, l.To }).Append(from).Append(to).Where(k => k >= from && k <= to).Distinct().Order()];
        for (int i = 0; i + 1 < edges.Length; i++)
        {
            (ChunkKey start, ChunkKey end) = (edges[i], edges[i + 1]);
            int sound = lost.Where(l => l.From < end && l.To > start).Select(l => l.Run).DefaultIfEmpty(runs.Length).Min();
            if (sound < runs.Length)
                hole(start, end);
            foreach (KeyValuePair<ChunkKey, TValue> entry in Merge([.. runs.Take(sound).Select(r => EntriesOf(r, start, end))]))
                yield return entry;
        }
    }

    private static string? Problem(Action read)
    {
        try
        {
            read();
            return null;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return e.Message;
        }
    }
}
