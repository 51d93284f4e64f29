using System.Buffers.Binary;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Says how a file is put together of its grains and the rest: one pass over the file, which reads all that is no grain.</summary>
internal sealed class LayoutPlanner
{
    private const int WindowBytes = 64 * 1024;

    private readonly TakenFile file;
    private readonly GrainMap map;
    private readonly List<(long Offset, long Entries, uint? First)> regions;
    private readonly ContainerBudget budget;
    private readonly CancellationToken cancel;
    private readonly LayoutWriter writer;
    private readonly byte[] window = new byte[WindowBytes], expected = new byte[WindowBytes];
    private int region;

    private LayoutPlanner(TakenFile file, GrainMap map, List<(long, long, uint?)> regions, ContainerBudget budget, CancellationToken cancel)
    {
        (this.file, this.map, this.regions, this.budget, this.cancel) = (file, map, regions, budget, cancel);
        writer = new LayoutWriter(file.Length, map.GrainBytes);
    }

    private bool IsTooLong => writer.ProgramBytes > budget.ProgramBytes || writer.Operations > ContainerLimits.OperationsMax;

    /// <summary>Plans. Null if the program would become too long.</summary>
    /// <param name="file">The file.</param>
    /// <param name="map">Where grains stand in it.</param>
    /// <param name="byOffset">The same grains by rising offset in the file, apart.</param>
    /// <param name="regions">Where tables and directories may stand, by rising offset.</param>
    /// <param name="budget">How long the program may be.</param>
    /// <param name="cancel">Stops it.</param>
    public static LayoutWriter? Plan(
        TakenFile file, GrainMap map, ReadOnlySpan<Placement> byOffset, List<(long, long, uint?)> regions, ContainerBudget budget,
        CancellationToken cancel)
    {
        var planner = new LayoutPlanner(file, map, regions, budget, cancel);
        long at = 0;
        foreach (Placement p in byOffset)
        {
            if (!planner.Between(at, p.FileOffset))
                return null;
            planner.writer.Grains(p);
            if (planner.IsTooLong)
                return null;
            at = p.FileOffset + map.FileLength(p);
        }
        return planner.Between(at, file.Length) ? planner.writer : null;
    }

    private bool Between(long at, long end)
    {
        while (at < end)
        {
            while (region < regions.Count && EndOf(regions[region]) <= at)
                region++;
            if (region == regions.Count || regions[region].Offset >= end)
                return Plain(at, end);
            (long offset, long entries, uint? first) = regions[region];
            if (offset > at && !Plain(at, offset))
                return false;
            at = Math.Max(at, offset);
            long stop = Math.Min(end, EndOf(regions[region]));
            // All places are sectors, so entries are whole, but for a grain that ends with the disk.
            if ((at - offset) % GrainMap.EntryBytes != 0 || (stop - at) % GrainMap.EntryBytes != 0)
                return Plain(at, end);
            if (!(first is { } grain ? Table(at, stop, grain + (at - offset) / GrainMap.EntryBytes) : Directory(at, stop)))
                return false;
            at = stop;
        }
        return true;
    }

    private static long EndOf((long Offset, long Entries, uint? First) r) => r.Offset + r.Entries * GrainMap.EntryBytes;

    private bool Table(long at, long end, long grain)
    {
        for (; at < end; at += WindowBytes, grain += WindowBytes / GrainMap.EntryBytes)
        {
            Span<byte> actual = Read(at, end), own = expected.AsSpan(0, actual.Length);
            map.WriteEntries((ulong)grain, own);
            for (int i = 0; i < actual.Length;)
            {
                int same = actual[i..].CommonPrefixLength(own[i..]) / GrainMap.EntryBytes * GrainMap.EntryBytes;
                writer.Table((uint)(grain + i / GrainMap.EntryBytes), same / GrainMap.EntryBytes);
                i += same;
                int other = i;
                while (i < actual.Length && !actual.Slice(i, GrainMap.EntryBytes).SequenceEqual(own.Slice(i, GrainMap.EntryBytes)))
                    i += GrainMap.EntryBytes;
                writer.Literal(at + other, i - other);
            }
            if (IsTooLong)
                return false;
        }
        return true;
    }

    private bool Directory(long at, long end)
    {
        const int RunMin = 4;
        for (; at < end; at += WindowBytes)
        {
            Span<byte> actual = Read(at, end);
            int entries = actual.Length / GrainMap.EntryBytes, literal = 0;
            for (int i = 0; i < entries;)
            {
                int run = 1;
                uint step = i + 1 < entries ? unchecked(Entry(actual, i + 1) - Entry(actual, i)) : 0;
                while (i + run < entries && Entry(actual, i + run) >= Entry(actual, i + run - 1) && Entry(actual, i + run) - Entry(actual, i + run - 1) == step)
                    run++;
                if (run >= RunMin)
                {
                    writer.Literal(at + literal * GrainMap.EntryBytes, (i - literal) * GrainMap.EntryBytes);
                    writer.Progression(Entry(actual, i), step, run);
                    literal = i + run;
                }
                i += run;
            }
            writer.Literal(at + literal * GrainMap.EntryBytes, (entries - literal) * GrainMap.EntryBytes);
            if (IsTooLong)
                return false;
        }
        return true;
    }

    // Neither grain nor table: zeros, or bytes that the layout keeps.
    private bool Plain(long at, long end)
    {
        while (at < end)
        {
            (long Start, long End) data = file.NextData(at) ?? (end, end);
            long start = Math.Clamp(data.Start, at, end), stop = Math.Min(end, Math.Max(start, data.End));
            writer.Zeros(start - at);
            for (at = start; at < stop; at += WindowBytes)
                Bytes(at, Read(at, stop));
            at = stop;
            if (IsTooLong)
                return false;
        }
        return true;
    }

    private void Bytes(long at, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length;)
        {
            int literal = i, zeros;
            do
            {
                int next = bytes[i..].IndexOf((byte)0);
                i = next < 0 ? bytes.Length : i + next;
                int data = bytes[i..].IndexOfAnyExcept((byte)0);
                zeros = data < 0 ? bytes.Length - i : data;
                if (zeros >= ContainerLimits.ZerosMin)
                    break;
                i += zeros;
            }
            while (i < bytes.Length);
            writer.Literal(at + literal, i - literal);
            if (i < bytes.Length)
            {
                writer.Zeros(zeros);
                i += zeros;
            }
        }
    }

    private Span<byte> Read(long at, long end)
    {
        cancel.ThrowIfCancellationRequested();
        Span<byte> bytes = window.AsSpan(0, (int)Math.Min(WindowBytes, end - at));
        file.Read(at, bytes);
        return bytes;
    }

    private static uint Entry(ReadOnlySpan<byte> entries, int i) => BinaryPrimitives.ReadUInt32LittleEndian(entries[(i * GrainMap.EntryBytes)..]);
}
