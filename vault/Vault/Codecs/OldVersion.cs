using VmPod.Vault.Format;

namespace VmPod.Vault.Codecs;

/// <summary>What pages of a chunk's last version others may name: those that stand as themselves in a payload without differences, here or elsewhere.</summary>
internal readonly struct OldVersion
{
    private readonly PageTarget self;
    private readonly PageTable? pages;
    private readonly bool exists;

    private OldVersion(PageTarget self, PageTable? pages)
    {
        (this.self, this.pages) = (self, pages);
        exists = true;
    }

    /// <summary>The last version; none for zeros, and for a delta, whose pages nobody can name.</summary>
    public static OldVersion Of(ChunkKey key, in PayloadRef place) =>
        place.IsZero || place.Pages is { IsDelta: true } ? default : new OldVersion(new PageTarget(key, place with { Pages = null }), place.Pages);

    /// <summary>True if some of its pages stand in its own payload.</summary>
    public bool HasOwn => exists && pages is not { OwnPages: 0 };

    /// <summary>True if the page is one of another payload.</summary>
    public bool IsReference(int page) => pages?.KindOf(page) == PageKind.Reference;

    /// <summary>True if the page was a difference.</summary>
    public bool IsDifference(int page) => pages?.KindOf(page) == PageKind.Difference;

    /// <summary>Where the page stands as itself. False if it stands nowhere so.</summary>
    public bool TryPlain(int page, out (PageTarget Target, int Page) place)
    {
        place = (self, page);
        if (!exists)
            return false;
        switch (pages?.KindOf(page))
        {
            case null:
                return true;
            case PageKind.Own:
                return pages.DifferentPages == 0;
            case PageKind.Reference:
                place = pages.ReferenceOf(page);
                return true;
            default:
                return false;
        }
    }

    /// <summary>What a new version of the page can be a difference from: the page itself, or, if it was a difference, what it was one from.</summary>
    public bool TryBasis(int page, out (PageTarget Target, int Page) place)
    {
        if (!IsDifference(page))
            return TryPlain(page, out place) && !IsReference(page);
        place = pages!.ReferenceOf(page);
        return true;
    }
}
