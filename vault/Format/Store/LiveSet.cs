using System.Buffers.Binary;

namespace VmPod.Vault.Format.Store;

/// <summary>
/// The set of cell ids that a commit needs, with its canonical Merkle root (rules 21 and 31, V-56): the root depends on the ids alone, not
/// on the order in which they came. Not thread-safe.
/// </summary>
/// <remarks>
/// Ids lie sorted in 4,096 buckets by their first three nibbles, which are the nodes of depth 3; each bucket caches its hash, so a commit
/// of k changes rehashes k buckets and the 273 nodes above. About 33 bytes an id.
/// </remarks>
public sealed class LiveSet
{
    private const int BucketDepth = 3;
    private const int Buckets = 1 << (4 * BucketDepth);
    private const int ListMax = 16;
    private const int DepthMax = 8;

    private readonly Bucket[] _buckets = new Bucket[Buckets];

    /// <summary>Ids in the set.</summary>
    public long Count { get; private set; }

    /// <summary>Whether the id is in the set.</summary>
    public bool Contains(in CellId id)
    {
        ref var bucket = ref BucketOf(id);
        return bucket.Ids.AsSpan(0, bucket.Count).BinarySearch(id) >= 0;
    }

    /// <summary>Adds an id; false if it was there.</summary>
    public bool Add(in CellId id)
    {
        ref var bucket = ref BucketOf(id);
        int at = bucket.Ids.AsSpan(0, bucket.Count).BinarySearch(id);
        if (at >= 0)
            return false;
        bucket.Insert(~at, id);
        Count++;
        return true;
    }

    /// <summary>Removes an id; false if it was not there.</summary>
    public bool Remove(in CellId id)
    {
        ref var bucket = ref BucketOf(id);
        int at = bucket.Ids.AsSpan(0, bucket.Count).BinarySearch(id);
        if (at < 0)
            return false;
        bucket.RemoveAt(at);
        Count--;
        return true;
    }

    /// <summary>All ids, ascending.</summary>
    public IEnumerable<CellId> Enumerate()
    {
        for (int b = 0; b < Buckets; b++)
        {
            for (int i = 0; i < _buckets[b].Count; i++)
                yield return _buckets[b].Ids![i];
        }
    }

    /// <summary>The root: 32 zero bytes for the empty set.</summary>
    public Digest Root() => Above(0, 0, Buckets);

    /// <summary>A set of its own with the same ids.</summary>
    public LiveSet Clone()
    {
        var copy = new LiveSet { Count = Count };
        for (int b = 0; b < Buckets; b++)
            copy._buckets[b] = _buckets[b].Clone();
        return copy;
    }

    private ref Bucket BucketOf(in CellId id) => ref _buckets[id.Value.Top16 >> 4];

    // The node over buckets [from, from + width), at a depth above the buckets'.
    private Digest Above(int depth, int from, int width)
    {
        if (depth == BucketDepth)
            return _buckets[from].Hash();
        long count = 0;
        for (int b = from; b < from + width; b++)
            count += _buckets[b].Count;
        if (count == 0)
            return Digest.Zero;
        if (count <= ListMax)
        {
            var ids = new CellId[count];
            int filled = 0;
            for (int b = from; b < from + width; b++)
            {
                _buckets[b].Ids.AsSpan(0, _buckets[b].Count).CopyTo(ids.AsSpan(filled));
                filled += _buckets[b].Count;
            }
            return List(ids);
        }
        Span<byte> children = stackalloc byte[16 * Digest.Size];
        for (int child = 0; child < 16; child++)
            Above(depth + 1, from + child * (width / 16), width / 16).WriteTo(children[(child * Digest.Size)..]);
        return DomainHash.Of(DomainHash.LiveNode, children);
    }

    // The node over a sorted run of ids that share their first `depth` nibbles.
    private static Digest Node(int depth, ReadOnlySpan<CellId> ids)
    {
        if (ids.IsEmpty)
            return Digest.Zero;
        if (ids.Length <= ListMax || depth == DepthMax)
            return List(ids);
        Span<byte> children = stackalloc byte[16 * Digest.Size];
        for (int child = 0; child < 16; child++)
        {
            int length = 0;
            while (length < ids.Length && ids[length].Value.Nibble(depth) == child)
                length++;
            Node(depth + 1, ids[..length]).WriteTo(children[(child * Digest.Size)..]);
            ids = ids[length..];
        }
        return DomainHash.Of(DomainHash.LiveNode, children);
    }

    private static Digest List(ReadOnlySpan<CellId> ids)
    {
        // Longer than 16 only at depth 8, where somebody ground ids to share 32 bits.
        Span<byte> bytes = ids.Length <= ListMax ? stackalloc byte[4 + ids.Length * CellId.Size] : new byte[4 + ids.Length * CellId.Size];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)ids.Length);
        for (int i = 0; i < ids.Length; i++)
            ids[i].WriteTo(bytes[(4 + i * CellId.Size)..]);
        return DomainHash.Of(DomainHash.LiveList, bytes);
    }

    private struct Bucket
    {
        internal CellId[]? Ids;
        internal int Count;
        private Digest _hash;
        private bool _isHashed;

        internal Digest Hash()
        {
            if (!_isHashed)
                (_hash, _isHashed) = (Node(BucketDepth, Ids.AsSpan(0, Count)), true);
            return _hash;
        }

        internal void Insert(int at, in CellId id)
        {
            Ids ??= [];
            // Grows by an eighth: memory stays close to 32 bytes an id.
            if (Count == Ids.Length)
                Array.Resize(ref Ids, Count + Math.Max(4, Count / 8));
            Array.Copy(Ids, at, Ids, at + 1, Count - at);
            Ids[at] = id;
            Count++;
            _isHashed = false;
        }

        internal void RemoveAt(int at)
        {
            Array.Copy(Ids!, at + 1, Ids!, at, Count - at - 1);
            Count--;
            _isHashed = false;
        }

        internal readonly Bucket Clone()
        {
            var copy = this;
            copy.Ids = Ids?.AsSpan(0, Count).ToArray();
            return copy;
        }
    }
}
