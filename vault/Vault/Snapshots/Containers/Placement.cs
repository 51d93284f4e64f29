namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Where grains of the disk stand in the file.</summary>
/// <param name="Grain">The first grain.</param>
/// <param name="Count">Grains that follow each other in disk and file.</param>
/// <param name="Sector">Sector of the file where the first begins; its marker, if it is deflated.</param>
/// <param name="DeflatedSectors">Sectors that a deflated grain takes, its marker included; 0 for grains that stand there as they are.</param>
/// <param name="Level">zlib's level that makes the deflated bytes again; <see cref="Padded"/> more if the grain is longer than what the disk has of it.</param>
internal readonly record struct Placement(uint Grain, uint Count, uint Sector, ushort DeflatedSectors, byte Level)
{
    /// <summary>Bytes of a sector.</summary>
    public const int SectorBytes = 512;

    /// <summary>Said of a deflated grain that goes on, in zeros, beyond the disk's end. (QEMU ends it there.)</summary>
    public const byte Padded = 16;

    /// <summary>Whether the file has the grain deflated.</summary>
    public bool IsDeflated => DeflatedSectors != 0;

    /// <summary>Offset in the file.</summary>
    public long FileOffset => (long)Sector * SectorBytes;
}
