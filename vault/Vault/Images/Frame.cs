using VmPod.Vault.Format;

namespace VmPod.Vault.Images;

/// <summary>A chunk of the overlay: 64 KiB of locked memory, and which of its 16 pages were written; or, without memory, a chunk that became zero.</summary>
internal sealed class Frame(int index, ChunkKey key)
{
    /// <summary>All 16 pages.</summary>
    public const ushort AllPages = 0xFFFF;

    /// <summary>A whole chunk of zeros: it has no memory.</summary>
    public static Frame Zero(ChunkKey key) => new(-1, key) { Valid = AllPages };

    /// <summary>Its place in the overlay's memory; below 0 for zeros.</summary>
    public int Index { get; } = index;

    /// <summary>True for a chunk of zeros without memory.</summary>
    public bool IsZero => Index < 0;

    /// <summary>The chunk.</summary>
    public ChunkKey Key { get; } = key;

    /// <summary>Bit i: page i was written.</summary>
    public ushort Valid { get; set; }

    /// <summary>True if page <paramref name="page"/> was written.</summary>
    public bool Has(int page) => (Valid >> page & 1) != 0;

    /// <summary>Marks a page as written.</summary>
    public void Take(int page) => Valid = (ushort)(Valid | 1 << page);
}
