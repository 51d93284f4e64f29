using System.Runtime.InteropServices;


namespace VmPod.Vault.Snapshots.Containers;

/// <summary>A sparse VMDK taken apart: the disk in it, and the layout that gives the file back (SPEC, "Disk containers").</summary>
/// <remarks>Nothing in such a file is believed: whatever does not fit stays in the layout as it is, so that the file comes back in any case.</remarks>
internal sealed class VmdkContainer : IDisposable
{
    private readonly LayoutWriter layout;
    private readonly byte[] end;

    private VmdkContainer(TakenFile file, GrainMap map, LayoutWriter layout)
    {
        (File, Map, this.layout) = (file, map, layout);
        byte[] program = layout.Finish();
        end = [.. program, .. LayoutProgram.Tail(layout.LiteralBytes, program.Length)];
    }

    /// <summary>The file.</summary>
    public TakenFile File { get; }

    /// <summary>Where grains stand in it.</summary>
    public GrainMap Map { get; }

    /// <summary>Bytes of the layout.</summary>
    public long LayoutBytes => layout.LiteralBytes + end.Length;

    /// <summary>Takes a file apart. Null if it is no sparse VMDK (<paramref name="why"/> is null too), or cannot be taken apart: then it says why.</summary>
    /// <exception cref="Foundation.VmPodException">It changed while it was read (2).</exception>
    public static VmdkContainer? TryOpen(string path, ContainerBudget budget, out string? why, CancellationToken cancel)
    {
        why = null;
        var file = new TakenFile(path);
        VmdkContainer? container = null;
        try
        {
            Span<byte> header = stackalloc byte[VmdkHeader.Bytes];
            if (file.Length < VmdkHeader.Bytes || !file.TryRead(0, header) || !VmdkHeader.HasMagic(header))
                return null;
            if (VmdkHeader.TryRead(header, out why) is not { } read)
                return null;
            if (read.DirectorySector == VmdkHeader.AtEnd && !TryReadFooter(file, ref read, out why))
                return null;
            return container = Open(file, read, budget, out why, cancel);
        }
        finally
        {
            if (container is null)
                file.Dispose();
        }
    }

    /// <summary>Bytes of the layout.</summary>
    public void ReadLayout(long offset, Span<byte> into)
    {
        int i = layout.Literals.Count == 0 || offset >= layout.LiteralBytes ? layout.Literals.Count : LastAtOrBefore(offset);
        for (; into.Length > 0 && i < layout.Literals.Count; i++)
        {
            (long before, long fileOffset) = layout.Literals[i];
            long stop = i + 1 < layout.Literals.Count ? layout.Literals[i + 1].Before : layout.LiteralBytes;
            int length = (int)Math.Min(into.Length, stop - offset);
            File.Read(fileOffset + (offset - before), into[..length]);
            into = into[length..];
            offset += length;
        }
        if (into.Length > 0)
            end.AsSpan((int)(offset - layout.LiteralBytes), into.Length).CopyTo(into);
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    private static bool TryReadFooter(TakenFile file, ref VmdkHeader header, out string? why)
    {
        // The footer is a header, and the second last sector: the last marks the stream's end.
        why = "it ends before its footer";
        Span<byte> bytes = stackalloc byte[VmdkHeader.Bytes];
        if (!file.TryRead(Math.Max(0, file.Length - 2 * VmdkHeader.Bytes), bytes) || VmdkHeader.TryRead(bytes, out _) is not { } footer
            || footer.DirectorySector == VmdkHeader.AtEnd || footer.DiskBytes != header.DiskBytes || footer.GrainBytes != header.GrainBytes)
            return false;
        header = header with { DirectorySector = footer.DirectorySector, RedundantSector = footer.RedundantSector };
        return true;
    }

    private static VmdkContainer? Open(TakenFile file, VmdkHeader header, ContainerBudget budget, out string? why, CancellationToken cancel)
    {
        why = "its grain tables cannot be read, or name too many places";
        if (VmdkTables.TryRead(file, header, budget, cancel) is not { } tables)
            return null;
        why = "its compressed grains are not zlib's";
        if ((header.IsDeflated ? DeflatedGrains.Try(file, header, tables.Named, cancel) : tables.Named) is not { } named)
            return null;
        why = null;
        named.Sort(static (a, b) => a.Sector.CompareTo(b.Sector));
        List<Placement> apart = Apart(named, header, file.Length);
        var map = new GrainMap(header.DiskBytes, header.GrainBytes, [.. apart]);
        LayoutWriter? layout = LayoutPlanner.Plan(file, map, CollectionsMarshal.AsSpan(apart), tables.Regions, budget, cancel);
        long literalMax = Math.Max(ContainerLimits.LiteralBytesFree, file.Length / 100 * ContainerLimits.LiteralPercentMax);
        if (layout is null || layout.LiteralBytes > literalMax)
        {
            why = "too much of it is neither grain nor table";
            return null;
        }
        var container = new VmdkContainer(file, map, layout);
        budget.Take(apart.Count, container.end.Length);
        return container;
    }

    // Of grains that claim the same bytes of the file the first keeps them.
    private static List<Placement> Apart(List<Placement> bySector, VmdkHeader header, long fileLength)
    {
        var sizes = new GrainMap(header.DiskBytes, header.GrainBytes, []);
        var apart = new List<Placement>(bySector.Count);
        long end = VmdkHeader.Bytes;
        foreach (Placement p in bySector)
        {
            if (p.FileOffset < end || p.FileOffset + sizes.FileLength(p) > fileLength)
                continue;
            apart.Add(p);
            end = p.FileOffset + sizes.FileLength(p);
        }
        return apart;
    }

    private int LastAtOrBefore(long offset)
    {
        int low = 0, high = layout.Literals.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (layout.Literals[middle].Before <= offset)
                low = middle;
            else
                high = middle - 1;
        }
        return low;
    }
}
