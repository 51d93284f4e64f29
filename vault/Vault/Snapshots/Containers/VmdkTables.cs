using System.Buffers.Binary;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>The grain directories and tables of a file, as they stand in it. Whatever they say is in bounds afterwards, and may still be nonsense.</summary>
internal sealed class VmdkTables
{
    private readonly TakenFile file;
    private readonly VmdkHeader header;
    private readonly ContainerBudget budget;

    private VmdkTables(TakenFile file, VmdkHeader header, ContainerBudget budget) => (this.file, this.header, this.budget) = (file, header, budget);

    /// <summary>Places of grain tables and directories in the file; directories have no grain.</summary>
    public List<(long Offset, long Entries, uint? First)> Regions { get; } = [];

    /// <summary>Runs of grains as the tables name them. Of deflated grains each is one.</summary>
    public List<Placement> Named { get; } = [];

    /// <summary>Reads them. Null if they name more than can be kept.</summary>
    public static VmdkTables? TryRead(TakenFile file, VmdkHeader header, ContainerBudget budget, CancellationToken cancel)
    {
        var tables = new VmdkTables(file, header, budget);
        if (!tables.ReadDirectory(header.DirectorySector, isFirst: true, cancel))
            return null;
        if (header.RedundantSector != 0 && !tables.ReadDirectory(header.RedundantSector, isFirst: false, cancel))
            return null;
        tables.Regions.Sort(static (a, b) => a.Offset.CompareTo(b.Offset));
        return tables;
    }

    private bool ReadDirectory(ulong sector, bool isFirst, CancellationToken cancel)
    {
        byte[] directory = new byte[header.Tables * GrainMap.EntryBytes];
        if (!InFile(sector, directory.Length) || !file.TryRead((long)sector * Placement.SectorBytes, directory))
            return !isFirst;
        Regions.Add(((long)sector * Placement.SectorBytes, header.Tables, null));
        byte[] table = new byte[header.TableEntries * GrainMap.EntryBytes];
        for (int t = 0; t < header.Tables; t++)
        {
            cancel.ThrowIfCancellationRequested();
            uint place = BinaryPrimitives.ReadUInt32LittleEndian(directory.AsSpan(t * GrainMap.EntryBytes));
            if (place == 0 || !InFile(place, table.Length))
                continue;
            long offset = (long)place * Placement.SectorBytes;
            uint first = (uint)((long)t * header.TableEntries);
            // Tables of a file stand together, as a rule: one region then.
            if (Regions[^1] is { First: { } begin } last && last.Offset + last.Entries * GrainMap.EntryBytes == offset && begin + last.Entries == first)
                Regions[^1] = (last.Offset, last.Entries + header.TableEntries, begin);
            else
                Regions.Add((offset, header.TableEntries, first));
            if (isFirst && (!file.TryRead(offset, table) || !Take(first, table)))
                return false;
        }
        return true;
    }

    private bool Take(uint first, ReadOnlySpan<byte> table)
    {
        if (table.IndexOfAnyExcept((byte)0) < 0)
            return true;
        uint sectorsOfGrain = (uint)(header.GrainBytes / Placement.SectorBytes);
        for (uint i = 0; i < header.TableEntries && first + i < header.Grains; i++)
        {
            uint grain = first + i, sector = BinaryPrimitives.ReadUInt32LittleEndian(table[(int)(i * GrainMap.EntryBytes)..]);
            // 1 is a grain of zeros in newer versions. It cannot be a grain's place: a directory stands between.
            long length = header.IsDeflated ? Placement.SectorBytes : GrainMap.DiskLength(header.DiskBytes, header.GrainBytes, grain, 1);
            if (sector <= 1 || !InFile(sector, length))
                continue;
            if (!header.IsDeflated && Named.Count > 0 && Named[^1] is var last && last.Grain + last.Count == grain
                && last.Sector + (ulong)last.Count * sectorsOfGrain == sector)
                Named[^1] = last with { Count = last.Count + 1 };
            else
                Named.Add(new Placement(grain, 1, sector, 0, 0));
        }
        return Named.Count <= budget.Placements;
    }

    private bool InFile(ulong sector, long length) => sector <= (ulong)(file.Length / Placement.SectorBytes)
        && (long)sector * Placement.SectorBytes + length <= file.Length;
}
