namespace VmPod.Vault.Format;

/// <summary>Values of the map.</summary>
/// <remarks>
/// A value begins with a byte: the low four bits say what follows, the high four how many further cells the payload touches. 0 (alone): a zero chunk.
/// 1: lease 8, commit, cell id 32. 2: lease, commit and cell of the entry before it. 3: its lease and commit, and the last cell that it touches.
/// Then the slot and the ids of the further cells. So along a run of payloads each id is written once.
/// </remarks>
public readonly struct MapValue : ITableValue<PayloadRef>
{
    private const int KindZero = 0, KindWhole = 1, KindSameCell = 2, KindLastCell = 3, CountShift = 4;

    private static readonly int RestMax = FormatLimits.PayloadCellsMax(FormatLimits.CellBytesMin) - 1;

    /// <inheritdoc/>
    public static uint LeafStream => MetadataStream.MapLeaf;

    /// <inheritdoc/>
    public static int ValueBytesMax => 1 + 8 + 10 + CellId.Size + 5 + RestMax * CellId.Size;

    /// <inheritdoc/>
    public static void Write(ByteWriter writer, in PayloadRef value, in PayloadRef previous)
    {
        if (value.IsZero)
        {
            writer.Byte(KindZero);
            return;
        }
        bool sameBirth = !previous.IsZero && value.IsSameBirth(previous);
        int kind = !sameBirth ? KindWhole : value.Cell == previous.Cell ? KindSameCell : value.Cell == previous.LastCell ? KindLastCell : KindWhole;
        writer.Byte((byte)(kind | (value.Rest?.Length ?? 0) << CountShift));
        if (kind == KindWhole)
            writer.UInt64(value.LeaseId).VarInt(value.Commit).Id(value.Cell);
        writer.VarInt(value.Slot);
        foreach (CellId id in value.Rest ?? [])
            writer.Id(id);
    }

    /// <inheritdoc/>
    public static PayloadRef Read(ref ByteReader reader, in PayloadRef previous)
    {
        byte head = reader.Byte();
        int kind = head & 0xF, further = head >> CountShift;
        if (head == KindZero)
            return PayloadRef.Zero;
        reader.Require(kind is >= KindWhole and <= KindLastCell && further <= RestMax && (kind == KindWhole || !previous.IsZero));
        ulong lease = previous.LeaseId, commit = previous.Commit;
        CellId cell = kind == KindLastCell ? previous.LastCell : previous.Cell;
        if (kind == KindWhole)
        {
            lease = reader.UInt64();
            commit = reader.VarInt();
            cell = reader.Bytes(CellId.Size) is { Length: CellId.Size } id ? CellId.ReadFrom(id) : default;
            reader.Require(lease != 0 || commit != 0);
        }
        uint slot = (uint)reader.VarIntAtMost(FormatLimits.CellBytesMax / CellLayout.EntryBytes);
        ReadOnlySpan<byte> ids = reader.Bytes(further * CellId.Size);
        if (reader.Failed)
            return default;
        CellId[]? rest = further == 0 ? null : new CellId[further];
        for (int i = 0; i < further; i++)
            rest![i] = CellId.ReadFrom(ids[(i * CellId.Size)..]);
        return new PayloadRef(lease, commit, cell, slot, rest);
    }

    /// <inheritdoc/>
    public static PayloadRef Resolve(in PayloadRef value, CellId self)
    {
        if (value.IsZero || (value.Cell != default && value.LastCell != default))
            return value;
        CellId[]? rest = value.Rest is null ? null : [.. value.Rest.Select(id => id == default ? self : id)];
        return value with { Cell = value.Cell == default ? self : value.Cell, Rest = rest };
    }
}
