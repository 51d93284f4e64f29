namespace VmPod.Vault.Format;

/// <summary>Values of the map.</summary>
/// <remarks>
/// A value begins with a byte: the low three bits say what follows, 0x08 that a table of pages ends it, the high four how many further cells the payload
/// touches. 0 (alone): a zero chunk. 1: lease 8, commit, cell id 32. 2: lease, commit and cell of the payload before it. 3: its lease and commit, and the last
/// cell that it touches. 4: no payload, only a birth; all pages are those of others. Then the slot and the ids of the further cells (not for 4). So along a
/// run of payloads each id is written once.
/// </remarks>
public readonly struct MapValue : ITableValue<PayloadRef>
{
    private const int KindZero = 0, KindWhole = 1, KindSameCell = 2, KindLastCell = 3, KindNone = 4, Paged = 8, CountShift = 4;

    private static readonly int RestMax = FormatLimits.PayloadCellsMax(FormatLimits.CellBytesMin) - 1;

    /// <inheritdoc/>
    public static uint LeafStream => MetadataStream.MapLeaf;

    /// <inheritdoc/>
    public static void Write(ByteWriter writer, in PayloadRef value, LeafState state)
    {
        if (value.IsZero)
        {
            writer.Byte(KindZero);
            return;
        }
        int kind = KindOf(value, state.Previous);
        writer.Byte((byte)(kind | (value.Pages is null ? 0 : Paged) | (value.Rest?.Length ?? 0) << CountShift));
        if (kind == KindNone)
        {
            state.WriteBirth(writer, value.LeaseId, value.Commit);
        }
        else
        {
            if (kind == KindWhole)
                writer.UInt64(value.LeaseId).VarInt(value.Commit).Id(value.Cell);
            writer.VarInt(value.Slot);
            foreach (CellId id in value.Rest ?? [])
                writer.Id(id);
            state.Previous = value;
        }
        if (value.Pages is not null)
            PageTableFormat.Write(writer, value.Pages, state);
    }

    /// <inheritdoc/>
    public static PayloadRef Read(ref ByteReader reader, LeafState state)
    {
        byte head = reader.Byte();
        int kind = head & 0x7, further = head >> CountShift;
        bool isPaged = (head & Paged) != 0;
        if (head == KindZero)
            return PayloadRef.Zero;
        PayloadRef previous = state.Previous, value;
        reader.Require(kind is >= KindWhole and <= KindNone && further <= RestMax && (kind is KindWhole or KindNone || !previous.IsZero)
            && (kind != KindNone || (isPaged && further == 0)));
        if (kind == KindNone)
        {
            (ulong lease, ulong commit) = state.ReadBirth(ref reader);
            value = new PayloadRef(lease, commit, default, 0);
        }
        else
        {
            value = ReadPlace(ref reader, kind, further, previous);
            state.Previous = value;
        }
        return isPaged ? value with { Pages = PageTableFormat.Read(ref reader, state, kind != KindNone) } : value;
    }

    private static PayloadRef ReadPlace(ref ByteReader reader, int kind, int further, in PayloadRef previous)
    {
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
        var value = new PayloadRef(lease, commit, cell, slot, rest);
        // One encoding: the shortest, as Write chooses it.
        reader.Require(KindOf(value, previous) == kind);
        return value;
    }

    /// <inheritdoc/>
    public static PayloadRef Resolve(in PayloadRef value, CellId self)
    {
        if (!value.HasPayload || (value.Cell != default && value.LastCell != default))
            return value;
        CellId[]? rest = value.Rest is null ? null : [.. value.Rest.Select(id => id == default ? self : id)];
        return value with { Cell = value.Cell == default ? self : value.Cell, Rest = rest };
    }

    private static int KindOf(in PayloadRef value, in PayloadRef previous) => !value.HasPayload ? KindNone
        : previous.IsZero || !value.IsSameBirth(previous) ? KindWhole
        : value.Cell == previous.Cell ? KindSameCell
        : value.Cell == previous.LastCell ? KindLastCell : KindWhole;
}
