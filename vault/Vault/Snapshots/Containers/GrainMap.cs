using System.Buffers.Binary;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Which grains of a disk a file holds, and where.</summary>
internal sealed class GrainMap
{
    /// <summary>Bytes of an entry of a grain table.</summary>
    public const int EntryBytes = sizeof(uint);

    private readonly Placement[] byGrain;

    /// <param name="diskBytes">Bytes of the disk.</param>
    /// <param name="grainBytes">Bytes of a grain.</param>
    /// <param name="placements">In any order; the map keeps the array and sorts it by grain. No grain may be in two of them.</param>
    public GrainMap(long diskBytes, int grainBytes, Placement[] placements)
    {
        (DiskBytes, GrainBytes, byGrain) = (diskBytes, grainBytes, placements);
        Array.Sort(byGrain, static (a, b) => a.Grain.CompareTo(b.Grain));
    }

    /// <summary>Bytes of the disk.</summary>
    public long DiskBytes { get; }

    /// <summary>Bytes of a grain.</summary>
    public int GrainBytes { get; }

    /// <summary>The placements, by rising grain.</summary>
    public ReadOnlySpan<Placement> ByGrain => byGrain;

    /// <summary>True if no grain is placed twice.</summary>
    public bool IsDisjoint
    {
        get
        {
            for (int i = 1; i < byGrain.Length; i++)
            {
                if ((ulong)byGrain[i - 1].Grain + byGrain[i - 1].Count > byGrain[i].Grain)
                    return false;
            }
            return true;
        }
    }

    /// <summary>Bytes of these grains in the disk: the last grain may be short.</summary>
    public static long DiskLength(long diskBytes, int grainBytes, uint grain, uint count) =>
        Math.Min((long)count * grainBytes, diskBytes - (long)grain * grainBytes);

    /// <summary>Bytes of these grains in the disk.</summary>
    public long DiskLength(in Placement p) => DiskLength(DiskBytes, GrainBytes, p.Grain, p.Count);

    /// <summary>Bytes that they take in the file.</summary>
    public long FileLength(in Placement p) => p.IsDeflated ? (long)p.DeflatedSectors * Placement.SectorBytes : DiskLength(p);

    /// <summary>The index of the first placement that ends after this grain.</summary>
    public int IndexAfter(ulong grain)
    {
        int low = 0, high = byGrain.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if ((ulong)byGrain[middle].Grain + byGrain[middle].Count > grain)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    /// <summary>True if one of these grains is in the file.</summary>
    public bool HasAny(ulong first, long count) => IndexAfter(first) is var i && i < byGrain.Length && byGrain[i].Grain < first + (ulong)count;

    /// <summary>Writes what a grain table says of the grains from <paramref name="first"/> on: the sector of each, little-endian, or 0.</summary>
    public void WriteEntries(ulong first, Span<byte> into)
    {
        into.Clear();
        ulong end = first + (ulong)(into.Length / EntryBytes);
        for (int i = IndexAfter(first); i < byGrain.Length && byGrain[i].Grain < end; i++)
        {
            Placement p = byGrain[i];
            ulong last = Math.Min(end, (ulong)p.Grain + p.Count);
            for (ulong grain = Math.Max(first, p.Grain); grain < last; grain++)
            {
                uint sector = (uint)(p.Sector + (grain - p.Grain) * (uint)(GrainBytes / Placement.SectorBytes));
                BinaryPrimitives.WriteUInt32LittleEndian(into[(int)((grain - first) * EntryBytes)..], sector);
            }
        }
    }
}
