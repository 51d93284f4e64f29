namespace VmPod.Vault.Format;

/// <summary>
/// How a chunk is put together out of its own payload and pages of others (SPEC V-140 to V-146). It stands in the map, so that a page that is a
/// reference costs the cells of its target only. Immutable.
/// </summary>
public sealed class PageTable
{
    /// <summary>Pages of a chunk.</summary>
    public const int PagesMax = FormatLimits.ChunkBytes / FormatLimits.PageBytes;

    /// <summary>Payloads that a delta is a difference from.</summary>
    public const int BasesMax = 3;

    private readonly byte[] references;

    /// <summary>A table of pages.</summary>
    /// <param name="kinds">Two bits a page, page 0 lowest.</param>
    /// <param name="targets">The targets, in the order in which pages name them first.</param>
    /// <param name="references">For each page that is a reference or a difference, in order: target * 16 + page.</param>
    public PageTable(uint kinds, IReadOnlyList<PageTarget> targets, byte[] references)
    {
        Kinds = kinds;
        Targets = targets;
        this.references = references;
        for (int page = 0; page < PagesMax; page++)
        {
            switch (KindOf(page))
            {
                case PageKind.Own:
                    OwnPages |= (ushort)(1 << page);
                    break;
                case PageKind.Difference:
                    OwnPages |= (ushort)(1 << page);
                    DifferentPages |= (ushort)(1 << page);
                    break;
            }
        }
    }

    /// <summary>The whole chunk as a difference from one to three payloads.</summary>
    public static PageTable Delta(IReadOnlyList<PageTarget> bases) => new(0, bases, []);

    /// <summary>Two bits a page, page 0 lowest; 0 for a delta.</summary>
    public uint Kinds { get; }

    /// <summary>The payloads that pages come from; of a delta: its bases.</summary>
    public IReadOnlyList<PageTarget> Targets { get; }

    /// <summary>True for a difference of the whole chunk.</summary>
    public bool IsDelta => Kinds == 0;

    /// <summary>Bit i: page i stands in the own payload.</summary>
    public ushort OwnPages { get; }

    /// <summary>Bit i: page i stands in the own payload as a difference.</summary>
    public ushort DifferentPages { get; }

    /// <summary>True if the chunk has a payload of its own.</summary>
    public bool HasOwn => IsDelta || OwnPages != 0;

    /// <summary>The codec that its own payload must have.</summary>
    public Codec OwnCodec => IsDelta ? Codec.Delta : DifferentPages != 0 ? Codec.Patch : Codec.PageRef;

    /// <summary>The references, in order of their pages.</summary>
    public ReadOnlySpan<byte> References => references;

    /// <summary>What a page is.</summary>
    public PageKind KindOf(int page) => (PageKind)(Kinds >> 2 * page & 3);

    /// <summary>Pages that the chunk has at most by this table: the last one that is not zero, and one.</summary>
    public int PageCount => (32 - System.Numerics.BitOperations.LeadingZeroCount(Kinds) + 1) / 2;

    /// <summary>Pages of a kind.</summary>
    public int CountOf(PageKind kind)
    {
        int count = 0;
        for (int page = 0; page < PagesMax; page++)
            count += KindOf(page) == kind ? 1 : 0;
        return count;
    }

    /// <summary>The page that a reference or a difference names.</summary>
    public (PageTarget Target, int Page) ReferenceOf(int page)
    {
        uint before = page == 0 ? 0 : Kinds << 32 - 2 * page;
        // Kinds 2 and 3 have their high bit set.
        byte reference = references[System.Numerics.BitOperations.PopCount(before & 0xAAAA_AAAA)];
        return (Targets[reference >> 4], reference & 0xF);
    }

    /// <summary>True if both say the same: equal kinds, targets with equal births and places, equal references.</summary>
    public bool IsSame(PageTable? other)
    {
        if (other is null || other.Kinds != Kinds || !references.AsSpan().SequenceEqual(other.references) || Targets.Count != other.Targets.Count)
            return false;
        for (int i = 0; i < Targets.Count; i++)
        {
            if (!Targets[i].IsSame(other.Targets[i]) || !Targets[i].Place.IsSamePlace(other.Targets[i].Place))
                return false;
        }
        return true;
    }

    /// <summary>True if it means one thing in one way: what V-141 to V-144 ask.</summary>
    internal bool IsCanonical(bool hasPayload)
    {
        if (Targets.Count is 0 or > PagesMax || hasPayload != HasOwn)
            return false;
        if (IsDelta)
            return Targets.Count <= BasesMax && references.Length == 0
                && Targets.Zip(Targets.Skip(1)).All(pair => pair.First.Key.Stream == pair.Second.Key.Stream && pair.First.Key < pair.Second.Key);
        int next = 0, used = 0, basis = -1;
        for (int page = 0; page < PagesMax; page++)
        {
            if (KindOf(page) < PageKind.Reference)
                continue;
            if (next == references.Length)
                return false;
            int target = references[next++] >> 4;
            if (target > used || target >= Targets.Count)
                return false;
            used = Math.Max(used, target + 1);
            // One page costs the cells of two payloads at most (rule 13): so all differences are from one.
            if (KindOf(page) != PageKind.Difference)
                continue;
            if (basis >= 0 && basis != target)
                return false;
            basis = target;
        }
        if (next != references.Length || used != Targets.Count)
            return false;
        for (int i = 0; i < Targets.Count; i++)
        {
            for (int k = 0; k < i; k++)
            {
                if (Targets[k].IsSame(Targets[i]))
                    return false;
            }
        }
        return true;
    }
}
