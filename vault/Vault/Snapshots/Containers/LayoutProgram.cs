using System.Buffers.Binary;
using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>A layout's program, read strictly (SPEC V-131 to V-134): how a file is put together again.</summary>
internal sealed class LayoutProgram
{
    /// <summary>Bits of an operation's kind, below its count.</summary>
    public const int KindBits = 3;

    /// <summary>Bytes at the end of a layout: length of the literals u64, length of the program u32, "VPL1".</summary>
    public const int TailBytes = 16;

    private const uint Magic = 0x5650_4C31; // "VPL1"

    private LayoutProgram(long fileBytes, List<(LayoutOperation, long, long)> operations, GrainMap map) =>
        (FileBytes, Operations, Map) = (fileBytes, operations, map);

    /// <summary>Bytes of the file.</summary>
    public long FileBytes { get; }

    /// <summary>The operations, each with its offset in the file and the literal bytes before it.</summary>
    public IReadOnlyList<(LayoutOperation Operation, long FileOffset, long LiteralsBefore)> Operations { get; }

    /// <summary>Where the grains stand in the file.</summary>
    public GrainMap Map { get; }

    /// <summary>The end of a layout.</summary>
    public static byte[] Tail(long literalBytes, int programBytes) =>
        new ByteWriter().UInt64((ulong)literalBytes).UInt32((uint)programBytes).UInt32(Magic).Written.ToArray();

    /// <summary>Reads the end of a layout of this length: the bytes of its program; null unless it is one.</summary>
    public static (long LiteralBytes, int ProgramBytes)? TryReadTail(ReadOnlySpan<byte> tail, long layoutBytes)
    {
        var r = new ByteReader(tail);
        long literals = r.Length();
        uint program = r.UInt32();
        r.Require(r.UInt32() == Magic && program <= ContainerLimits.ProgramBytesMax && literals <= FormatLimits.StreamBytesMax
            && literals + program + TailBytes == layoutBytes);
        return r.IsAtEnd ? (literals, (int)program) : null;
    }

    /// <summary>Reads a program. Null unless every byte of the file is made just once, from literals and a disk of these lengths.</summary>
    public static LayoutProgram? TryRead(ReadOnlySpan<byte> program, long literalBytes, long diskBytes)
    {
        var r = new ByteReader(program);
        ulong fileBytes = r.VarInt();
        int grainBytes = r.VarIntAtMost(ContainerLimits.GrainBytesMax);
        r.Require(fileBytes <= (ulong)FormatLimits.StreamBytesMax && grainBytes >= ContainerLimits.GrainBytesMin && int.IsPow2(grainBytes));
        if (r.Failed)
            return null;
        ulong grains = ((ulong)diskBytes + (uint)grainBytes - 1) / (uint)grainBytes, nextGrain = 0, nextEntry = 0;
        var operations = new List<(LayoutOperation, long, long)>();
        var placements = new List<Placement>();
        long at = 0, literals = 0;
        while (r.Remaining > 0 && !r.Failed)
        {
            ulong head = r.VarInt(), count = head >> KindBits, first = 0;
            var kind = (LayoutKind)(head & ((1 << KindBits) - 1));
            uint step = 0;
            long length = 0;
            if (r.Failed || count is 0 or > (ulong)FormatLimits.StreamBytesMax)
                return null;
            switch (kind)
            {
                case LayoutKind.Literal:
                case LayoutKind.Zeros:
                    length = (long)count;
                    break;
                case LayoutKind.Grains:
                    first = Stepped(ref r, ref nextGrain, count, grains);
                    ulong lastSector = (ulong)(at / Placement.SectorBytes) + (count - 1) * (ulong)(grainBytes / Placement.SectorBytes);
                    r.Require(at % Placement.SectorBytes == 0 && lastSector <= uint.MaxValue && count <= uint.MaxValue
                        && placements.Count < ContainerLimits.PlacementsMax);
                    if (r.Failed)
                        return null;
                    placements.Add(new Placement((uint)first, (uint)count, (uint)(at / Placement.SectorBytes), 0, 0));
                    length = GrainMap.DiskLength(diskBytes, grainBytes, (uint)first, (uint)count);
                    break;
                case LayoutKind.Deflated:
                    first = Stepped(ref r, ref nextGrain, count, grains);
                    step = (uint)r.VarIntAtMost(Placement.Padded + 9);
                    r.Require(count <= (ulong)(ContainerLimits.PlacementsMax - placements.Count));
                    // Only the disk's last grain can go on beyond it.
                    r.Require((step & ~(uint)Placement.Padded) is >= 1 and <= 9 && (step < Placement.Padded
                        || (count == 1 && first == grains - 1 && diskBytes % grainBytes != 0)));
                    for (ulong i = 0; i < count && !r.Failed; i++)
                    {
                        int sectors = r.VarIntAtMost(ushort.MaxValue);
                        long sector = (at + length) / Placement.SectorBytes;
                        r.Require(sectors > 0 && at % Placement.SectorBytes == 0 && sector <= uint.MaxValue);
                        if (!r.Failed)
                            placements.Add(new Placement((uint)(first + i), 1, (uint)sector, (ushort)sectors, (byte)step));
                        length += (long)sectors * Placement.SectorBytes;
                    }
                    break;
                case LayoutKind.Table:
                    first = Stepped(ref r, ref nextEntry, count, 1UL << 32);
                    length = (long)count * GrainMap.EntryBytes;
                    break;
                case LayoutKind.Progression:
                    first = r.VarInt();
                    ulong by = r.VarInt();
                    r.Require(first <= uint.MaxValue && by <= uint.MaxValue && count <= 1UL << 32
                        && (UInt128)first + (UInt128)by * (count - 1) <= uint.MaxValue);
                    if (r.Failed)
                        return null;
                    (step, length) = ((uint)by, (long)count * GrainMap.EntryBytes);
                    break;
                default:
                    return null;
            }
            r.Require(length <= (long)fileBytes - at && operations.Count < ContainerLimits.OperationsMax);
            if (r.Failed)
                return null;
            operations.Add((new LayoutOperation(kind, (long)count, (uint)first, step), at, literals));
            at += length;
            literals += kind == LayoutKind.Literal ? length : 0;
        }
        if (!r.IsAtEnd || at != (long)fileBytes || literals != literalBytes)
            return null;
        var map = new GrainMap(diskBytes, grainBytes, [.. placements]);
        return map.IsDisjoint ? new LayoutProgram(at, operations, map) : null;
    }

    /// <summary>Numbers at equal steps, little-endian.</summary>
    public static void WriteProgression(uint start, uint step, Span<byte> into)
    {
        for (int i = 0; i < into.Length / GrainMap.EntryBytes; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(into[(i * GrainMap.EntryBytes)..], start + (uint)i * step);
    }

    // A first number, told as a signed step from where the last operation of the sort ended.
    private static ulong Stepped(ref ByteReader r, ref ulong next, ulong count, ulong end)
    {
        ulong coded = r.VarInt();
        Int128 first = (Int128)next + ((Int128)(coded >> 1) ^ -(Int128)(coded & 1));
        r.Require(first >= 0 && first + count <= end);
        if (r.Failed)
            return 0;
        next = (ulong)first + count;
        return (ulong)first;
    }
}
