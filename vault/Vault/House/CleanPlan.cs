using System.Numerics;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.House;

/// <summary>Which chunks of a generation are worth storing anew, so that cells of which it needs little are needed no more.</summary>
internal sealed class CleanPlan
{
    // A cell of which at least two thirds are needed is not worth the writing.
    private const int SparseOfThree = 2;

    private static readonly ChunkKey End = new(uint.MaxValue, ulong.MaxValue);

    private readonly SessionState state;
    private readonly LiveSet others, passing;

    // For each cell that can be won: the lines of its directory that are needed, with the pages that are (all, for a chunk's own payload).
    private readonly Dictionary<CellId, Dictionary<uint, ushort>> lines = [];

    private readonly Dictionary<(CellId, uint), int> lengths = [];

    private CleanPlan(SessionState state, LiveSet others, LiveSet passing) => (this.state, this.others, this.passing) = (state, others, passing);

    /// <summary>Chunks to store anew.</summary>
    public HashSet<ChunkKey> Moved { get; } = [];

    /// <summary>Bytes of payloads that will be written for it, about.</summary>
    public long BytesMoved { get; private set; }

    /// <summary>Cells of data that nobody needs then.</summary>
    public long CellsFreed { get; private set; }

    /// <summary>Cells of data that only older generations need then, which will be let go as those before them were.</summary>
    public long CellsLater { get; private set; }

    /// <summary>Makes a plan.</summary>
    /// <param name="state">The generation.</param>
    /// <param name="others">What is needed beside it.</param>
    /// <param name="passing">Of that, what only generations need that follow each other and are let go in turn.</param>
    /// <param name="capacity">Bytes of payloads that a cell holds.</param>
    /// <param name="bytesMax">Bytes that may be written.</param>
    /// <param name="cancel">Stops it.</param>
    public static CleanPlan Make(SessionState state, LiveSet others, LiveSet passing, int capacity, long bytesMax, CancellationToken cancel)
    {
        var plan = new CleanPlan(state, others, passing);
        foreach ((ChunkKey _, PayloadRef place) in state.Map.Enumerate(default, End))
            plan.Note(place);
        plan.Choose(plan.FindSparse(capacity, cancel), capacity, bytesMax);
        return plan;
    }

    // The cells of which less than two thirds are needed. Lines of tables do not count: tables are written whole.
    private HashSet<CellId> FindSparse(int capacity, CancellationToken cancel)
    {
        HashSet<CellId> sparse = [];
        foreach ((CellId id, Dictionary<uint, ushort> needed) in lines)
        {
            cancel.ThrowIfCancellationRequested();
            long length = 0;
            PayloadEntry[] directory = state.Payloads.ReadDirectory(id);
            foreach ((uint line, ushort pages) in needed.Where(l => l.Key < directory.Length))
            {
                length += (long)directory[line].Length * BitOperations.PopCount(pages) / PageTable.PagesMax;
                lengths[(id, line)] = directory[line].Length;
            }
            if (length * 3 < (long)capacity * SparseOfThree)
                sparse.Add(id);
        }
        return sparse;
    }

    // The cell that is cheapest to empty first: a chunk is moved whole, out of all the cells that it needs, which makes these cheaper. Of the steps those up to
    // where most is won.
    private void Choose(HashSet<CellId> sparse, int capacity, long bytesMax)
    {
        var users = new Dictionary<CellId, List<User>>();
        var left = new Dictionary<CellId, long>();
        foreach ((ChunkKey key, PayloadRef place) in state.Map.Enumerate(default, End))
        {
            CellId[] cells = [.. place.Cells().Distinct().Where(sparse.Contains)];
            if (cells.Length == 0)
                continue;
            var user = new User(key, BytesOf(key, place), cells);
            foreach (CellId id in cells)
            {
                (users.TryGetValue(id, out List<User>? known) ? known : users[id] = []).Add(user);
                left[id] = left.GetValueOrDefault(id) + user.Bytes;
            }
        }
        var cheapest = new PriorityQueue<CellId, long>(left.Select(l => (l.Key, l.Value)));
        var order = new List<User>();
        HashSet<ChunkKey> moved = [];
        long bytes = 0, emptied = 0, most = 0;
        int taken = 0;
        while (cheapest.TryDequeue(out CellId id, out long cost))
        {
            // One that became cheaper is in the queue again.
            if (!left.TryGetValue(id, out long now) || now != cost)
                continue;
            if (bytes + cost > bytesMax)
                break;
            foreach (User user in users[id].Where(u => moved.Add(u.Key)))
            {
                order.Add(user);
                bytes += user.Bytes;
                foreach (CellId other in user.Cells.Where(left.ContainsKey))
                {
                    left[other] -= user.Bytes;
                    cheapest.Enqueue(other, left[other]);
                }
            }
            left.Remove(id);
            emptied++;
            if (emptied * capacity - bytes <= most)
                continue;
            most = emptied * capacity - bytes;
            (taken, BytesMoved) = (order.Count, bytes);
        }
        Moved.UnionWith(order.Take(taken).Select(u => u.Key));
        HashSet<CellId> kept = [];
        foreach ((ChunkKey key, PayloadRef place) in state.Map.Enumerate(default, End))
        {
            if (!Moved.Contains(key))
                kept.UnionWith(place.Cells());
        }
        foreach (CellId id in lines.Keys.Where(id => !kept.Contains(id)))
            _ = others.Contains(id) ? CellsLater++ : CellsFreed++;
    }

    // What storing the chunk takes: its own payload, and of others the share of the pages that it has from them, but for those that stand elsewhere in the
    // generation: they stay references.
    private long BytesOf(ChunkKey key, in PayloadRef place)
    {
        long bytes = place.HasPayload ? LengthOf(place) : 0;
        if (place.Pages is not { IsDelta: false } pages)
            return place.Pages is null ? bytes : FormatLimits.ChunkBytes;
        for (int page = 0; page < PageTable.PagesMax; page++)
        {
            if (pages.KindOf(page) < PageKind.Reference)
                continue;
            (PageTarget target, int number) = pages.ReferenceOf(page);
            if (pages.KindOf(page) == PageKind.Difference || target.Key == key || !StandsThere(target, number))
                bytes += LengthOf(target.Place) / PageTable.PagesMax;
        }
        return bytes;
    }

    // Whether the page of the target is still that of the target's chunk.
    private bool StandsThere(in PageTarget target, int number) => state.Map.TryFind(target.Key, out PayloadRef now)
        && OldVersion.Of(target.Key, now).TryPlain(number, out (PageTarget Target, int Page) plain) && plain.Page == number && plain.Target.IsSame(target);

    // What is not known is as long as it can be.
    private long LengthOf(in PayloadRef place)
    {
        long length = lengths.GetValueOrDefault((place.Cell, place.Slot), FormatLimits.ChunkBytes);
        foreach (CellId rest in place.Rest ?? [])
            length += lengths.GetValueOrDefault((rest, 0u), 0);
        return Math.Min(length, FormatLimits.ChunkBytes);
    }

    private void Note(in PayloadRef place)
    {
        Note(place, ushort.MaxValue);
        if (place.Pages is not { } pages)
            return;
        for (int page = 0; page < PageTable.PagesMax && !pages.IsDelta; page++)
        {
            if (pages.KindOf(page) >= PageKind.Reference && pages.ReferenceOf(page) is var (target, number))
                Note(target.Place, (ushort)(1 << number));
        }
        foreach (PageTarget basis in pages.IsDelta ? pages.Targets : [])
            Note(basis.Place, ushort.MaxValue);
    }

    private void Note(in PayloadRef place, ushort pages)
    {
        if (!place.HasPayload)
            return;
        Note(place.Cell, place.Slot, pages);
        foreach (CellId rest in place.Rest ?? [])
            Note(rest, 0, pages);
    }

    private void Note(CellId id, uint line, ushort pages)
    {
        if (others.Contains(id) && !passing.Contains(id))
            return;
        Dictionary<uint, ushort> needed = lines.TryGetValue(id, out Dictionary<uint, ushort>? known) ? known : lines[id] = [];
        needed[line] = (ushort)(needed.GetValueOrDefault(line) | pages);
    }

    private sealed record User(ChunkKey Key, long Bytes, CellId[] Cells);
}
