using System.Collections.Concurrent;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Sessions;

/// <summary>
/// Looks into generations of one session with its keys (V-180): every cell opens and T is right, the cells that the tables name are the live set that was
/// signed, each chunk is where the map says and is what its tag says. What is damaged is told to the chunk, and to the cell.
/// </summary>
/// <remarks>
/// Give it generations in their order: a chunk that stands where it stood in the one before is not read again. Memory does not grow with the session, but
/// for what is damaged. One caller at a time; it reads on all processors.
/// </remarks>
public sealed class SessionCheck : IDisposable
{
    private static readonly ChunkKey End = new(uint.MaxValue, ulong.MaxValue);

    private readonly PodVault vault;
    private readonly SessionKeys keys;
    private readonly PayloadReader payloads;
    private readonly KeyedCellOpener opener;
    private readonly LockedMemory work;
    private readonly Dictionary<CellId, bool> opens = [];
    // What was damaged in the generation before, by chunk: with it, what is unchanged is told again without being read again.
    private Dictionary<ChunkKey, (PayloadRef Place, string What)> known = [];
    private SessionState? before;

    internal SessionCheck(PodVault vault, SessionKeys keys, PayloadReader payloads, KeyedCellOpener opener)
    {
        (this.vault, this.keys, this.payloads, this.opener) = (vault, keys, payloads, opener);
        work = new LockedMemory(WorkBytes);
    }

    private int WorkBytes => CellLayout.HeaderBytes + CellLayout.Capacity(opener.CellBytes);

    /// <summary>Looks into a commit of the session: a generation, a fork or the tip.</summary>
    /// <param name="offset">Where its entry stands in the log.</param>
    /// <param name="hash">The entry's hash.</param>
    /// <param name="report">Told what is damaged.</param>
    /// <param name="passed">Told each chunk that is not zero, by any thread.</param>
    /// <param name="cancel">Stops it.</param>
    /// <exception cref="VmPodException">Locked (4).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Run(long offset, Digest hash, Action<ChunkDamage> report, Action passed, CancellationToken cancel)
    {
        SessionState state;
        try
        {
            state = vault.OpenState(offset, hash, payloads);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            report(new ChunkDamage(null, null, null, e.Message, BadCellsOf(offset, hash)));
            (before, known) = (null, []);
            return;
        }
        IReadOnlyList<TableView<PayloadRef, MapValue>.LostRange> lost = state.Map.FindLost();
        IReadOnlyList<TableView<ChangeTag, TagValue>.LostRange> lostTags = state.Tags.FindLost();
        foreach (ChunkDamage tags in lostTags.Select(l => new ChunkDamage(null, null, null,
            $"Change tags do not read: {l.What} No content is lost by that.", BadCells(l.Place.Cells()))))
            report(tags);
        if (lost.Count == 0 && lostTags.Count == 0 && !CommitCheck.IsClosed(state, out _, cancel))
            report(new ChunkDamage(null, null, null, "The cells that its map names are not those that were signed.", []));
        ConcurrentDictionary<ChunkKey, (PayloadRef Place, string What)> damaged = ReadChunks(state, lost, lostTags.Count == 0, report, passed, cancel);
        ReportChunks(state, damaged, report);
        if (lost.Count == 0 && lostTags.Count == 0)
            LookAtTags(state, report, cancel);
        (before, known) = (lost.Count == 0 && lostTags.Count == 0 ? state : null, damaged.ToDictionary());
    }

    /// <summary>Zeroes its keys and what it read.</summary>
    public void Dispose()
    {
        work.Dispose();
        opener.Dispose();
        payloads.Dispose();
        keys.Dispose();
    }

    private ConcurrentDictionary<ChunkKey, (PayloadRef Place, string What)> ReadChunks(SessionState state,
        IReadOnlyList<TableView<PayloadRef, MapValue>.LostRange> lost, bool hasTags, Action<ChunkDamage> report, Action passed, CancellationToken cancel)
    {
        var damaged = new ConcurrentDictionary<ChunkKey, (PayloadRef, string)>();
        Dictionary<uint, StreamInfo> streams = state.Manifest.Streams.ToDictionary(s => s.Number);
        Dictionary<uint, StreamInfo>? streamsBefore = before?.Manifest.Streams.ToDictionary(s => s.Number);
        var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount };
        var holes = new List<(ChunkKey From, ChunkKey To)>();
        // The tables are read by one thread; chunks by all.
        Parallel.ForEach(Wanted(), options, () => new LockedMemory(FormatLimits.ChunkBytes), (entry, _, memory) =>
        {
            passed();
            if (ProblemOf(state, entry.Key, entry.Value, CommitCheck.LengthOf(streams, entry.Key), hasTags, memory) is { } what)
                damaged[entry.Key] = (entry.Value, what);
            return memory;
        }, memory => memory.Dispose());
        foreach ((ChunkKey from, ChunkKey to) in holes)
            ReportHole(state, from, to, lost, report);
        return damaged;

        IEnumerable<KeyValuePair<ChunkKey, PayloadRef>> Wanted()
        {
            foreach (KeyValuePair<ChunkKey, PayloadRef> entry in state.Map.EnumerateKnown(default, End, lost, (from, to) => holes.Add((from, to))))
            {
                if (entry.Value.IsZero)
                    continue;
                int length = CommitCheck.LengthOf(streams, entry.Key);
                bool isSame = before is not null && before.Map.TryFind(entry.Key, out PayloadRef old) && old.IsSamePlace(entry.Value)
                    && length == CommitCheck.LengthOf(streamsBefore, entry.Key) && hasTags && TagOf(state, entry.Key) == TagOf(before, entry.Key);
                if (!isSame)
                {
                    yield return entry;
                    continue;
                }
                passed();
                if (known.TryGetValue(entry.Key, out (PayloadRef Place, string What) problem))
                    damaged[entry.Key] = problem;
            }
        }
    }

    private static ChangeTag TagOf(SessionState state, ChunkKey key) => state.Tags.TryFind(key, out ChangeTag tag) ? tag : default;

    private string? ProblemOf(SessionState state, ChunkKey key, in PayloadRef place, int length, bool hasTags, LockedMemory memory)
    {
        Span<byte> bytes = memory.Slice(0, FormatLimits.ChunkBytes);
        try
        {
            if (length < 0)
            {
                _ = payloads.ReadUpTo(key, place, bytes);
                return null;
            }
            bytes = bytes[..length];
            payloads.Read(key, place, bytes);
            return hasTags && TagOf(state, key) is { IsZero: false } tag && keys.Find(tag.LeaseId) is { } leaseKeys && leaseKeys.ChangeTagOf(bytes) != tag.Value
                ? $"Chunk {key.Chunk} of stream {key.Stream} is not what its tag says." : null;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException)
        {
            return e.Message;
        }
        finally
        {
            bytes.Clear();
        }
    }

    // A tag of a chunk that is zero would make a later chunk with that content count as unchanged.
    private static void LookAtTags(SessionState state, Action<ChunkDamage> report, CancellationToken cancel)
    {
        foreach (KeyValuePair<ChunkKey, ChangeTag> entry in state.Tags.Enumerate(default, End))
        {
            cancel.ThrowIfCancellationRequested();
            if (!entry.Value.IsZero && !(state.Map.TryFind(entry.Key, out PayloadRef place) && !place.IsZero))
            {
                long chunk = (long)entry.Key.Chunk;
                report(new ChunkDamage(NameOf(state, entry.Key.Stream), chunk, chunk, "It is zero, and its tag is that of another.", []));
            }
        }
    }

    private void ReportChunks(SessionState state, ConcurrentDictionary<ChunkKey, (PayloadRef Place, string What)> damaged, Action<ChunkDamage> report)
    {
        foreach ((ChunkKey key, (PayloadRef place, string what)) in damaged.OrderBy(d => d.Key))
            report(new ChunkDamage(NameOf(state, key.Stream), (long)key.Chunk, (long)key.Chunk, what, BadCells(place.Cells())));
    }

    // All chunks of a range whose place in the map is lost. Those that a newer run has were read as all others.
    private void ReportHole(SessionState state, ChunkKey from, ChunkKey to, IReadOnlyList<TableView<PayloadRef, MapValue>.LostRange> lost,
        Action<ChunkDamage> report)
    {
        TableView<PayloadRef, MapValue>.LostRange[] why = [.. lost.Where(l => l.From < to && l.To > from)];
        CellId[] cells = BadCells(why.SelectMany(l => l.Place.Cells()));
        foreach ((StreamInfo stream, long first, long last) in SalvagedMap.ChunksIn(state.Manifest.Streams, from, to))
            report(new ChunkDamage(stream.Name, first, last, $"Where it stands is lost: {why[0].What}", cells));
    }

    private CellId[] BadCells(IEnumerable<CellId> ids) => [.. ids.Distinct().Where(id => id != default && !Opens(id))];

    // Only of what is damaged already: the same few cells are asked for again and again.
    private bool Opens(CellId id)
    {
        if (opens.TryGetValue(id, out bool known))
            return known;
        Span<byte> bytes = work.Slice(0, WorkBytes);
        try
        {
            opener.Open(id, bytes);
            bytes.Clear();
            return opens[id] = true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException)
        {
            return opens[id] = false;
        }
    }

    private CellId[] BadCellsOf(long offset, Digest hash)
    {
        try
        {
            return BadCells(vault.LiveSetOf(offset, hash).Enumerate());
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException)
        {
            // The log does not tell which cells it needs.
            return [];
        }
    }

    private static string? NameOf(SessionState state, uint stream) => state.Manifest.Streams.FirstOrDefault(s => s.Number == stream)?.Name;
}
