using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>Compares a fork with its session's newest commit, file by file and chunk by chunk, against what both go on from.</summary>
/// <remarks>
/// A chunk with the same payload on two sides is the same. One that was stored anew (by a write of the same bytes, a squash, the cleaner) is compared by its
/// tag where one lease made both, else by its bytes: so many at most, the others count as different.
/// </remarks>
internal sealed class ForkComparison(SessionReader fork, SessionReader head, SessionReader? ancestor, IProgress<long>? progress, CancellationToken cancel)
{
    // 1 GiB a side: half a minute, on a pod whose disk is slow.
    private const int ComparedMax = 16_384;

    // What fits a terminal's width; who wants all gets both sides.
    private const int RangesOfOneStream = 8;

    private const int ProgressChunks = 4096;

    private int compared;
    private long seen;
    private bool isUpperBound;

    /// <summary>Does it.</summary>
    /// <exception cref="Foundation.VmPodException">One of them is damaged (5).</exception>
    public ForkContents Run()
    {
        using var memory = new LockedMemory(2 * FormatLimits.ChunkBytes);
        var streams = new List<ForkStream>();
        foreach (string name in fork.Streams.Concat(head.Streams).Where(s => s.Kind != StreamKind.Folder).Select(s => s.Name).Distinct()
            .Order(StringComparer.Ordinal))
        {
            if (Compare(name, memory) is { } differs)
                streams.Add(differs);
        }
        return new ForkContents(streams, ancestor is not null, isUpperBound);
    }

    private ForkStream? Compare(string name, LockedMemory memory)
    {
        Side ours = new(fork, name), theirs = new(head, name);
        Side? before = ancestor is null ? null : new Side(ancestor, name);
        Span<long> counts = stackalloc long[4];
        var ranges = new List<ForkRange>[] { [], [], [], [] };
        using IEnumerator<KeyValuePair<long, PayloadRef>> f = ours.Chunks(), h = theirs.Chunks(), a = before?.Chunks() ?? Side.None();
        bool hasF = f.MoveNext(), hasH = h.MoveNext(), hasA = a.MoveNext();
        while (hasF || hasH || hasA)
        {
            long chunk = Math.Min(hasF ? f.Current.Key : long.MaxValue, Math.Min(hasH ? h.Current.Key : long.MaxValue, hasA ? a.Current.Key : long.MaxValue));
            PayloadRef inFork = Take(f, ref hasF, chunk), inHead = Take(h, ref hasH, chunk), inAncestor = Take(a, ref hasA, chunk);
            if (++seen % ProgressChunks == 0)
                progress?.Report(seen);
            cancel.ThrowIfCancellationRequested();
            if (!Differ((ours, inFork), (theirs, inHead), chunk, memory))
                continue;
            ForkSide side = before is not { } from ? ForkSide.Unknown
                : !Differ((from, inAncestor), (theirs, inHead), chunk, memory) ? ForkSide.Fork
                : !Differ((from, inAncestor), (ours, inFork), chunk, memory) ? ForkSide.Session : ForkSide.Both;
            counts[(int)side]++;
            Note(ranges[(int)side], side, chunk);
        }
        bool isSame = counts.IndexOfAnyExcept(0) < 0 && ours.Stream?.Length == theirs.Stream?.Length;
        return isSame ? null : new ForkStream(name, ours.Stream?.Length, theirs.Stream?.Length, counts[(int)ForkSide.Fork], counts[(int)ForkSide.Session],
            counts[(int)ForkSide.Both], counts[(int)ForkSide.Unknown], [.. ranges.SelectMany(r => r).Take(RangesOfOneStream)]);
    }

    private bool Differ((Side Side, PayloadRef Place) one, (Side Side, PayloadRef Place) other, long chunk, LockedMemory memory)
    {
        int length = one.Side.LengthOf(chunk);
        if (one.Place.IsZero && other.Place.IsZero)
            return false;
        if (length != other.Side.LengthOf(chunk) || one.Place.IsZero || other.Place.IsZero)
            return true;
        ChunkKey key = one.Side.KeyOf(chunk), otherKey = other.Side.KeyOf(chunk);
        if (key == otherKey && one.Place.IsSameBirth(other.Place))
            return false;
        if (one.Side.Reader.State.Tags.TryFind(key, out ChangeTag tag) && other.Side.Reader.State.Tags.TryFind(otherKey, out ChangeTag otherTag)
            && !tag.IsZero && tag.LeaseId == otherTag.LeaseId)
            return tag.Value != otherTag.Value;
        if (compared >= ComparedMax)
        {
            isUpperBound = true;
            return true;
        }
        compared++;
        Span<byte> bytes = memory.Slice(0, length), others = memory.Slice(FormatLimits.ChunkBytes, length);
        one.Side.Reader.Payloads.Read(key, one.Place, bytes);
        other.Side.Reader.Payloads.Read(otherKey, other.Place, others);
        return !bytes.SequenceEqual(others);
    }

    private static PayloadRef Take(IEnumerator<KeyValuePair<long, PayloadRef>> at, ref bool has, long chunk)
    {
        if (!has || at.Current.Key != chunk)
            return PayloadRef.Zero;
        PayloadRef place = at.Current.Value;
        has = at.MoveNext();
        return place;
    }

    private static void Note(List<ForkRange> ranges, ForkSide side, long chunk)
    {
        if (ranges.Count > 0 && ranges[^1].Last + 1 == chunk)
            ranges[^1] = ranges[^1] with { Last = chunk };
        else if (ranges.Count <= RangesOfOneStream)
            ranges.Add(new ForkRange(side, chunk, chunk));
    }

    // A file on one side, by its name: its number may be another one there.
    private readonly struct Side(SessionReader reader, string name)
    {
        public SessionReader Reader { get; } = reader;

        public StreamInfo? Stream { get; } = reader.Streams.FirstOrDefault(s => s.Name == name && s.Kind != StreamKind.Folder);

        public ChunkKey KeyOf(long chunk) => new(Stream!.Number, (ulong)chunk);

        public int LengthOf(long chunk) => Stream is { } stream && chunk < stream.ChunkCount ? stream.ChunkLength(chunk) : 0;

        public IEnumerator<KeyValuePair<long, PayloadRef>> Chunks()
        {
            StreamInfo? stream = Stream;
            return stream is null ? None() : Reader.State.Map.Enumerate(new ChunkKey(stream.Number, 0), new ChunkKey(stream.Number, (ulong)stream.ChunkCount))
                .Select(e => KeyValuePair.Create((long)e.Key.Chunk, e.Value)).GetEnumerator();
        }

        public static IEnumerator<KeyValuePair<long, PayloadRef>> None() => Enumerable.Empty<KeyValuePair<long, PayloadRef>>().GetEnumerator();
    }
}
