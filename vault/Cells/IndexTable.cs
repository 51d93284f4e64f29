using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>
/// The hash table over the pages: an id's 12-byte prefix leads to the positions where such a cell may stand. A full bucket runs over into
/// the next. Not thread-safe. Never trusted: the caller hashes the cell.
/// </summary>
internal sealed class IndexTable(IIndexPages pages, UInt128 salt) : IDisposable
{
    // At 3/4 of its room a bucket of 31 runs over seldom, and over so many next ones never.
    private const int CrowdedSteps = 8;

    // The position of an entry that was taken back: no cell stands there (StoreLimits), and a larger table leaves it behind.
    private const uint Nowhere = uint.MaxValue;

    internal IIndexPages Pages => pages;

    internal UInt128 Salt => salt;

    /// <summary>An entry went so far from its own bucket that the table is fuller than the store's cells account for: appends that a crash
    /// or a cancel took back leave their entries here.</summary>
    internal bool IsCrowded { get; private set; }

    /// <summary>Entries at which the table is made larger: 3/4 of its room, where a bucket still seldom runs over.</summary>
    internal long EntriesMax => pages.Buckets * (long)IndexBucket.Entries * 3 / 4;

    /// <summary>Buckets for so many entries, with room to double.</summary>
    internal static uint BucketsFor(long entries) => (uint)Math.Max(64, entries * 2 * 4 / 3 / IndexBucket.Entries + 1);

    /// <summary>The positions that may hold the id, in the order they were added; at most as many as the span takes.</summary>
    internal int Find(in Digest id, Span<uint> positions)
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        var prefix = id.Prefix;
        int found = 0;
        uint bucket = BucketOf(prefix);
        for (uint steps = 0; steps < pages.Buckets; steps++)
        {
            ReadSound(bucket, page);
            int count = IndexBucket.Count(page);
            for (int i = 0; i < count && found < positions.Length; i++)
            {
                if (IndexBucket.Prefix(page, i) == prefix && IndexBucket.Position(page, i) != Nowhere)
                    positions[found++] = IndexBucket.Position(page, i);
            }
            if (count < IndexBucket.Entries || found == positions.Length)
                break;
            bucket = Next(bucket);
        }
        return found;
    }

    /// <summary>Adds an entry; false if there are no more entries than before: this very one is there, or it took the place of one of this id that was taken
    /// back, or of the oldest of as many as <see cref="Find"/> looks at.</summary>
    /// <remarks>Who appends a cell has found no sound one at those: they are of cells that were freed, or of damaged copies.</remarks>
    /// <exception cref="IndexFullException">No bucket has room.</exception>
    internal bool Add(in Digest id, uint position) => Add(id.Prefix, position);

    /// <summary>Takes an entry back, if it is there.</summary>
    internal void Drop(in Digest id, uint position)
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        var prefix = id.Prefix;
        uint bucket = BucketOf(prefix);
        for (uint steps = 0; steps < pages.Buckets; steps++)
        {
            ReadSound(bucket, page);
            int count = IndexBucket.Count(page);
            for (int i = 0; i < count; i++)
            {
                if (IndexBucket.Prefix(page, i) == prefix && IndexBucket.Position(page, i) == position)
                {
                    Replace(bucket, i, Nowhere);
                    return;
                }
            }
            if (count < IndexBucket.Entries)
                return;
            bucket = Next(bucket);
        }
    }

    /// <summary>Takes every entry back that lies at a position or beyond. Reads the whole table.</summary>
    internal void DropFrom(long position)
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        for (uint bucket = 0; bucket < pages.Buckets; bucket++)
        {
            ReadSound(bucket, page);
            bool isChanged = false;
            for (int i = 0; i < IndexBucket.Count(page); i++)
            {
                if (IndexBucket.Position(page, i) is not Nowhere and var at && at >= position)
                {
                    IndexBucket.SetPosition(page, i, Nowhere);
                    isChanged = true;
                }
            }
            if (!isChanged)
                continue;
            IndexBucket.Seal(bucket, page);
            pages.Write(bucket, page);
        }
    }

    /// <summary>How many entries lie below a position.</summary>
    internal long Count(long positionsBelow)
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        long found = 0;
        for (uint bucket = 0; bucket < pages.Buckets; bucket++)
        {
            ReadSound(bucket, page);
            for (int i = 0; i < IndexBucket.Count(page); i++)
                found += IndexBucket.Position(page, i) < positionsBelow ? 1 : 0;
        }
        return found;
    }

    /// <summary>Adds every entry of another table below a position.</summary>
    internal long AddAll(IndexTable other, long positionsBelow)
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        long added = 0;
        for (uint bucket = 0; bucket < other.Pages.Buckets; bucket++)
        {
            other.ReadSound(bucket, page);
            for (int i = 0; i < IndexBucket.Count(page); i++)
            {
                if (IndexBucket.Position(page, i) < positionsBelow && Add(IndexBucket.Prefix(page, i), IndexBucket.Position(page, i)))
                    added++;
            }
        }
        return added;
    }

    /// <summary>Writes every bucket empty.</summary>
    internal void Clear()
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        page.Clear();
        for (uint bucket = 0; bucket < pages.Buckets; bucket++)
        {
            IndexBucket.Seal(bucket, page);
            pages.Write(bucket, page);
        }
    }

    public void Dispose() => pages.Dispose();

    private bool Add((ulong High, uint Low) prefix, uint position)
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        uint bucket = BucketOf(prefix);
        int same = 0;
        (uint Bucket, int Entry) oldest = default;
        (uint Bucket, int Entry)? unused = null;
        for (uint steps = 0; steps < pages.Buckets; steps++)
        {
            ReadSound(bucket, page);
            int count = IndexBucket.Count(page);
            for (int i = 0; i < count; i++)
            {
                if (IndexBucket.Prefix(page, i) != prefix)
                    continue;
                if (IndexBucket.Position(page, i) == position)
                    return false;
                if (IndexBucket.Position(page, i) == Nowhere)
                    unused ??= (bucket, i);
                else if (same++ == 0)
                    oldest = (bucket, i);
            }
            if (same >= CellStore.CandidatesMax)
            {
                Replace(oldest.Bucket, oldest.Entry, position);
                return false;
            }
            if (count < IndexBucket.Entries && unused is { } free)
            {
                Replace(free.Bucket, free.Entry, position);
                return false;
            }
            if (count < IndexBucket.Entries)
            {
                IndexBucket.Add(page, prefix, position);
                IndexBucket.Seal(bucket, page);
                pages.Write(bucket, page);
                IsCrowded |= steps >= CrowdedSteps;
                return true;
            }
            bucket = Next(bucket);
        }
        throw new IndexFullException();
    }

    private void Replace(uint bucket, int entry, uint position)
    {
        Span<byte> page = stackalloc byte[IndexBucket.Size];
        ReadSound(bucket, page);
        IndexBucket.SetPosition(page, entry, position);
        IndexBucket.Seal(bucket, page);
        pages.Write(bucket, page);
    }

    private void ReadSound(uint bucket, Span<byte> page)
    {
        pages.Read(bucket, page);
        if (!IndexBucket.IsSound(bucket, page))
            throw new IndexDamagedException("a bucket's checksum is wrong");
    }

    private uint Next(uint bucket) => bucket + 1 == pages.Buckets ? 0 : bucket + 1;

    // Salted with a number that only this pod knows: a host cannot choose cells that all fall into one bucket (rule 31).
    private uint BucketOf((ulong High, uint Low) prefix)
    {
        unchecked
        {
            ulong high = Math.BigMul(prefix.High ^ (ulong)salt, (prefix.Low * 0x9E3779B97F4A7C15UL) ^ (ulong)(salt >> 64) | 1,
                out ulong low);
            return (uint)Math.BigMul(high ^ low, (ulong)pages.Buckets, out _);
        }
    }
}
