using CsCheck;
using VmPod.Vault.Snapshots.Containers;
using Xunit;

namespace VmPod.Vault.Tests.Vmdk;

/// <summary>Programs of layouts, from whoever wrote them: one that is taken makes every byte of its file once, of what there is.</summary>
public sealed class LayoutTests
{
    private const int GrainBytes = 65_536, SectorsOfGrain = 128;
    private const long DiskBytes = 40L * GrainBytes + 512;

    private static readonly Gen<(int Kind, int Count, int First)> Part = Gen.Select(Gen.Int[0, 5], Gen.Int[1, 3], Gen.Int[0, 40]);

    [Fact]
    [Trait("Spec", "V-131")]
    [Trait("Spec", "V-133")]
    public void A_program_reads_back_as_it_was_written() => Part.Array[0, 12].Sample(parts =>
    {
        (byte[] program, LayoutWriter writer, long fileBytes, List<LayoutOperation> expected) = Write(parts);
        LayoutProgram read = Assert.IsType<LayoutProgram>(LayoutProgram.TryRead(program, writer.LiteralBytes, DiskBytes));
        Assert.Equal(fileBytes, read.FileBytes);
        Assert.Equal(expected.Sum(o => o.Kind is LayoutKind.Grains or LayoutKind.Deflated ? o.Count : 0), read.Map.ByGrain.ToArray().Sum(p => p.Count));
        Assert.True(read.Operations.Count <= expected.Count);
        Assert.Equal(fileBytes, LengthOf(read));
    }, iter: 2000);

    [Fact]
    [Trait("Spec", "V-133")]
    [Trait("Spec", "V-134")]
    public void A_changed_program_is_refused_or_makes_every_byte_once()
    {
        int taken = 0, refused = 0;
        Gen.Select(Part.Array[1, 12], Gen.Int, Gen.Byte, Gen.Int[0, 3]).Sample((parts, place, value, how) =>
        {
            (byte[] program, LayoutWriter writer, _, _) = Write(parts);
            int at = (place & int.MaxValue) % program.Length;
            byte[] bad = how switch
            {
                0 => program[..at],
                1 => [.. program[..at], value, .. program[at..]],
                _ => [.. program[..at], value, .. program[(at + 1)..]],
            };
            if (LayoutProgram.TryRead(bad, writer.LiteralBytes, DiskBytes) is not { } read)
            {
                refused++;
                return;
            }
            taken++;
            Assert.Equal(read.FileBytes, LengthOf(read));
            long end = 0;
            foreach (Placement p in read.Map.ByGrain.ToArray().OrderBy(p => p.Sector))
            {
                Assert.True(p.FileOffset >= end && (long)p.Grain * GrainBytes < DiskBytes);
                end = p.FileOffset + read.Map.FileLength(p);
            }
            Assert.True(end <= read.FileBytes && read.Map.IsDisjoint);
        }, iter: 20_000, threads: 1);
        Assert.True(taken > 0 && refused > 0);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(40, 2)]
    [Trait("Spec", "V-134")]
    public void A_grain_placed_twice_or_beyond_the_disk_is_refused(int second, int count)
    {
        var writer = new LayoutWriter((1 + count) * (long)GrainBytes, GrainBytes);
        writer.Grains(new Placement(0, 1, 0, 0, 0));
        // Not at once after the first, or they would be one run.
        writer.Grains(new Placement((uint)second, (uint)count, SectorsOfGrain, 0, 0));
        Assert.Equal(second == 1, LayoutProgram.TryRead(writer.Finish(), 0, DiskBytes) is not null);
    }

    [Fact]
    [Trait("Spec", "V-131")]
    public void The_end_of_a_layout_that_names_other_lengths_is_refused()
    {
        byte[] tail = LayoutProgram.Tail(1000, 50);
        Assert.Equal((1000, 50), LayoutProgram.TryReadTail(tail, 1000 + 50 + LayoutProgram.TailBytes));
        Assert.Null(LayoutProgram.TryReadTail(tail, 1000 + 51 + LayoutProgram.TailBytes));
        const int TooLong = ContainerLimits.ProgramBytesMax + 1;
        Assert.Null(LayoutProgram.TryReadTail(LayoutProgram.Tail(1000, TooLong), 1000L + TooLong + LayoutProgram.TailBytes));
        for (int bit = 0; bit < tail.Length * 8; bit++)
        {
            tail[bit / 8] ^= (byte)(1 << bit % 8);
            Assert.Null(LayoutProgram.TryReadTail(tail, 1000 + 50 + LayoutProgram.TailBytes));
            tail[bit / 8] ^= (byte)(1 << bit % 8);
        }
    }

    private static long LengthOf(LayoutProgram program)
    {
        long at = 0, literals = 0;
        int next = 0;
        Placement[] placed = [.. program.Map.ByGrain.ToArray().OrderBy(p => p.Sector)];
        foreach ((LayoutOperation operation, long offset, long before) in program.Operations)
        {
            Assert.Equal((at, literals), (offset, before));
            literals += operation.Kind == LayoutKind.Literal ? operation.Count : 0;
            switch (operation.Kind)
            {
                case LayoutKind.Literal or LayoutKind.Zeros:
                    at += operation.Count;
                    break;
                case LayoutKind.Grains:
                    at += program.Map.FileLength(placed[next++]);
                    break;
                case LayoutKind.Deflated:
                    for (long i = 0; i < operation.Count; i++)
                        at += program.Map.FileLength(placed[next++]);
                    break;
                default:
                    at += operation.Count * GrainMap.EntryBytes;
                    break;
            }
        }
        return at;
    }

    // Whatever is asked for, in sectors, each grain once.
    private static (byte[] Program, LayoutWriter Writer, long FileBytes, List<LayoutOperation> Operations) Write((int Kind, int Count, int First)[] parts)
    {
        List<LayoutOperation> operations = [];
        var used = new HashSet<int>();
        foreach ((int kind, int count, int first) in parts)
        {
            bool isGrain = (LayoutKind)kind is LayoutKind.Grains or LayoutKind.Deflated;
            if (isGrain && (first + count > 41 || Enumerable.Range(first, count).Any(used.Contains)))
                continue;
            if (isGrain)
                used.UnionWith(Enumerable.Range(first, count));
            int unit = (LayoutKind)kind switch { LayoutKind.Literal or LayoutKind.Zeros => 512, LayoutKind.Table or LayoutKind.Progression => 128, _ => 1 };
            operations.Add(new LayoutOperation((LayoutKind)kind, count * unit, (uint)first, (LayoutKind)kind is LayoutKind.Deflated ? 6u : 0));
        }
        // A grain that ends with the disk is one sector, so all that follows begins in one.
        long fileBytes = operations.Sum(o => o.Kind switch
        {
            LayoutKind.Literal or LayoutKind.Zeros => o.Count,
            LayoutKind.Grains => GrainMap.DiskLength(DiskBytes, GrainBytes, o.First, (uint)o.Count),
            LayoutKind.Deflated => o.Count * 3 * Placement.SectorBytes,
            _ => o.Count * GrainMap.EntryBytes,
        });
        var writer = new LayoutWriter(fileBytes, GrainBytes);
        long at = 0;
        foreach (LayoutOperation o in operations)
        {
            switch (o.Kind)
            {
                case LayoutKind.Literal:
                    writer.Literal(at, o.Count);
                    at += o.Count;
                    break;
                case LayoutKind.Zeros:
                    writer.Zeros(o.Count);
                    at += o.Count;
                    break;
                case LayoutKind.Grains:
                    writer.Grains(new Placement(o.First, (uint)o.Count, (uint)(at / Placement.SectorBytes), 0, 0));
                    at += GrainMap.DiskLength(DiskBytes, GrainBytes, o.First, (uint)o.Count);
                    break;
                case LayoutKind.Deflated:
                    for (uint i = 0; i < o.Count; i++, at += 3 * Placement.SectorBytes)
                        writer.Grains(new Placement(o.First + i, 1, (uint)(at / Placement.SectorBytes), 3, 6));
                    break;
                case LayoutKind.Table:
                    writer.Table(o.First, o.Count);
                    at += o.Count * GrainMap.EntryBytes;
                    break;
                default:
                    writer.Progression(o.First, o.Step, o.Count);
                    at += o.Count * GrainMap.EntryBytes;
                    break;
            }
        }
        return (writer.Finish(), writer, fileBytes, operations);
    }
}
