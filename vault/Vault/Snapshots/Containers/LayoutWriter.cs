using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Writes the program of a layout, and notes where in the file its literal bytes stand.</summary>
internal sealed class LayoutWriter
{
    private readonly ByteWriter program = new();
    private readonly List<uint> sectors = [];
    private LayoutOperation open;
    private ulong nextGrain, nextEntry;

    /// <param name="fileBytes">Bytes of the file.</param>
    /// <param name="grainBytes">Bytes of a grain.</param>
    public LayoutWriter(long fileBytes, int grainBytes) => program.VarInt((ulong)fileBytes).VarInt((ulong)grainBytes);

    /// <summary>The literal bytes, in order: where they stand in the file, and after how many literal bytes.</summary>
    public List<(long Before, long FileOffset)> Literals { get; } = [];

    /// <summary>Literal bytes so far.</summary>
    public long LiteralBytes { get; private set; }

    /// <summary>Bytes of the program so far.</summary>
    public int ProgramBytes => program.Length + sectors.Count;

    /// <summary>Operations so far.</summary>
    public int Operations { get; private set; }

    /// <summary>Bytes of the file, from this offset on, that the layout keeps itself.</summary>
    public void Literal(long fileOffset, long length)
    {
        if (length == 0)
            return;
        if (Literals.Count == 0 || Literals[^1].FileOffset + (LiteralBytes - Literals[^1].Before) != fileOffset)
            Literals.Add((LiteralBytes, fileOffset));
        LiteralBytes += length;
        Add(new LayoutOperation(LayoutKind.Literal, length, 0, 0));
    }

    /// <summary>Zeros.</summary>
    public void Zeros(long length) => Add(new LayoutOperation(LayoutKind.Zeros, length, 0, 0));

    /// <summary>Grains, as they are or deflated.</summary>
    public void Grains(in Placement p)
    {
        Add(new LayoutOperation(p.IsDeflated ? LayoutKind.Deflated : LayoutKind.Grains, p.Count, p.Grain, p.Level));
        if (p.IsDeflated)
            sectors.Add(p.DeflatedSectors);
    }

    /// <summary>Entries of a grain table.</summary>
    public void Table(uint first, long count) => Add(new LayoutOperation(LayoutKind.Table, count, first, 0));

    /// <summary>Numbers of 32 bits at equal steps.</summary>
    public void Progression(uint start, uint step, long count)
    {
        Close();
        open = new LayoutOperation(LayoutKind.Progression, count, start, step);
        Close();
    }

    /// <summary>The program, whole.</summary>
    public byte[] Finish()
    {
        Close();
        return program.Written.ToArray();
    }

    // An operation that goes on where the one before ended is one with it.
    private void Add(LayoutOperation operation)
    {
        if (operation.Count == 0)
            return;
        bool isByGrain = operation.Kind is LayoutKind.Grains or LayoutKind.Table or LayoutKind.Deflated;
        if (operation.Kind == open.Kind && operation.Step == open.Step && open.Count > 0 && (!isByGrain || open.First + open.Count == operation.First))
        {
            open = open with { Count = open.Count + operation.Count };
            return;
        }
        Close();
        open = operation;
    }

    private void Close()
    {
        if (open.Count == 0)
            return;
        Operations++;
        program.VarInt((ulong)open.Count << LayoutProgram.KindBits | (ulong)open.Kind);
        switch (open.Kind)
        {
            case LayoutKind.Grains:
                program.VarInt(Step(ref nextGrain));
                break;
            case LayoutKind.Deflated:
                program.VarInt(Step(ref nextGrain)).VarInt(open.Step);
                foreach (uint count in sectors)
                    program.VarInt(count);
                sectors.Clear();
                break;
            case LayoutKind.Table:
                program.VarInt(Step(ref nextEntry));
                break;
            case LayoutKind.Progression:
                program.VarInt(open.First).VarInt(open.Step);
                break;
            default:
                break;
        }
        open = default;
    }

    private ulong Step(ref ulong next)
    {
        long step = (long)open.First - (long)next;
        next = open.First + (ulong)open.Count;
        return (ulong)(step << 1 ^ step >> 63);
    }
}
