using System.Buffers.Binary;
using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>The header of a sparse extent ("Virtual Disk Format 1.1", VMware; QEMU block/vmdk.c): what is needed to find its grains.</summary>
/// <param name="DiskBytes">Bytes of the disk.</param>
/// <param name="GrainBytes">Bytes of a grain.</param>
/// <param name="TableEntries">Entries of a grain table.</param>
/// <param name="DirectorySector">Sector of the grain directory; <see cref="AtEnd"/> if the footer says where it is.</param>
/// <param name="RedundantSector">Sector of the second directory; 0 for none.</param>
/// <param name="IsDeflated">Whether grains are deflated, each behind a marker.</param>
internal readonly record struct VmdkHeader(
    long DiskBytes, int GrainBytes, int TableEntries, ulong DirectorySector, ulong RedundantSector, bool IsDeflated)
{
    /// <summary>Bytes of a header.</summary>
    public const int Bytes = 512;

    /// <summary>The directory's place is in the footer, since a stream has it last.</summary>
    public const ulong AtEnd = ulong.MaxValue;

    private const uint Magic = 0x564D_444B; // "KDMV"
    private const uint HasRedundantTables = 1 << 1, IsCompressed = 1 << 16, HasMarkers = 1 << 17;

    /// <summary>Whether a file begins as sparse extents do.</summary>
    public static bool HasMagic(ReadOnlySpan<byte> start) => start.Length >= sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(start) == Magic;

    /// <summary>Grains of the disk.</summary>
    public long Grains => (DiskBytes + GrainBytes - 1) / GrainBytes;

    /// <summary>Grain tables of the disk.</summary>
    public long Tables => (Grains + TableEntries - 1) / TableEntries;

    /// <summary>Reads a header. Null if it is none, or of a disk that is not taken apart: then <paramref name="why"/> says it.</summary>
    public static VmdkHeader? TryRead(ReadOnlySpan<byte> bytes, out string why)
    {
        why = "its header is not one of a sparse VMDK";
        if (bytes.Length < Bytes || !HasMagic(bytes))
            return null;
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]), flags = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]);
        ulong sectors = BinaryPrimitives.ReadUInt64LittleEndian(bytes[12..]), grain = BinaryPrimitives.ReadUInt64LittleEndian(bytes[20..]);
        uint entries = BinaryPrimitives.ReadUInt32LittleEndian(bytes[44..]);
        ulong redundant = BinaryPrimitives.ReadUInt64LittleEndian(bytes[48..]), directory = BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]);
        ushort compression = BinaryPrimitives.ReadUInt16LittleEndian(bytes[77..]);
        const ulong SectorBytes = Placement.SectorBytes;
        if (version is < 1 or > 3 || sectors is 0 or > FormatLimits.StreamBytesMax / SectorBytes)
            return null;
        if (grain is < ContainerLimits.GrainBytesMin / SectorBytes or > ContainerLimits.GrainBytesMax / SectorBytes || !ulong.IsPow2(grain))
        {
            why = "its grains have a size that is not handled";
            return null;
        }
        bool deflated = (flags & IsCompressed) != 0;
        if (deflated != (compression == 1) || (deflated && (flags & HasMarkers) == 0) || compression > 1)
        {
            why = "its compression is not known";
            return null;
        }
        var header = new VmdkHeader((long)(sectors * SectorBytes), (int)(grain * SectorBytes), (int)Math.Min(entries, int.MaxValue), directory,
            (flags & HasRedundantTables) != 0 ? redundant : 0, deflated);
        if (entries is 0 or > ContainerLimits.TableEntriesMax || header.Tables > ContainerLimits.TablesMax)
        {
            why = "it has too many grain tables";
            return null;
        }
        return header;
    }
}
