namespace VmPod.Vault.Format;

/// <summary>What the entries of one leaf share while it is written or read: the payload before, and births and cells that were named (V-24, V-142).</summary>
public sealed class LeafState
{
    private readonly List<(ulong LeaseId, ulong Commit)> births = [];
    private readonly Dictionary<(ulong, ulong), int> birthIndex = [];
    private readonly List<CellId> cells = [];
    private readonly Dictionary<CellId, int> cellIndex = [];

    /// <summary>The last entry that has a payload; zero at the beginning.</summary>
    public PayloadRef Previous { get; set; }

    /// <summary>The chunk of the last target; 0 at the beginning.</summary>
    public ulong TargetChunk { get; set; }

    /// <summary>Appends a birth: a number below 1 for a new one.</summary>
    public void WriteBirth(ByteWriter writer, ulong leaseId, ulong commit)
    {
        if (birthIndex.TryGetValue((leaseId, commit), out int known))
        {
            writer.VarInt((ulong)known + 1);
            return;
        }
        Add(leaseId, commit);
        writer.VarInt(0).UInt64(leaseId).VarInt(commit);
    }

    /// <summary>Reads a birth.</summary>
    public (ulong LeaseId, ulong Commit) ReadBirth(ref ByteReader reader)
    {
        int index = reader.VarIntAtMost(births.Count);
        if (reader.Failed || index > 0)
            return reader.Failed ? default : births[index - 1];
        ulong lease = reader.UInt64(), commit = reader.VarInt();
        reader.Require((lease != 0 || commit != 0) && !birthIndex.ContainsKey((lease, commit)));
        if (!reader.Failed)
            Add(lease, commit);
        return (lease, commit);
    }

    /// <summary>Appends a cell of a target.</summary>
    public void WriteCell(ByteWriter writer, in CellId id)
    {
        if (cellIndex.TryGetValue(id, out int known))
        {
            writer.VarInt((ulong)known + 1);
            return;
        }
        Add(id);
        writer.VarInt(0).Id(id);
    }

    /// <summary>Reads a cell of a target.</summary>
    public CellId ReadCell(ref ByteReader reader)
    {
        int index = reader.VarIntAtMost(cells.Count);
        if (reader.Failed || index > 0)
            return reader.Failed ? default : cells[index - 1];
        CellId id = reader.Bytes(CellId.Size) is { Length: CellId.Size } bytes ? CellId.ReadFrom(bytes) : default;
        reader.Require(id != default && !cellIndex.ContainsKey(id));
        if (!reader.Failed)
            Add(id);
        return id;
    }

    private void Add(ulong leaseId, ulong commit)
    {
        birthIndex[(leaseId, commit)] = births.Count;
        births.Add((leaseId, commit));
    }

    private void Add(in CellId id)
    {
        cellIndex[id] = cells.Count;
        cells.Add(id);
    }
}
