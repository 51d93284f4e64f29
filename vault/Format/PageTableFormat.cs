namespace VmPod.Vault.Format;

/// <summary>How a table of pages stands in a map leaf (SPEC V-141, V-142).</summary>
internal static class PageTableFormat
{
    private const int RestBits = 3;

    private static readonly int RestMax = FormatLimits.PayloadCellsMax(FormatLimits.CellBytesMin) - 1;

    /// <summary>Appends a table.</summary>
    public static void Write(ByteWriter writer, PageTable pages, LeafState state)
    {
        writer.UInt32(pages.Kinds).VarInt((ulong)pages.Targets.Count);
        foreach (PageTarget target in pages.Targets)
            WriteTarget(writer, target, state);
        writer.Bytes(pages.References);
    }

    /// <summary>Reads a table; the reader fails unless it is canonical.</summary>
    public static PageTable? Read(ref ByteReader reader, LeafState state, bool hasPayload)
    {
        uint kinds = reader.UInt32();
        int count = reader.VarIntAtMost(PageTable.PagesMax);
        var targets = new List<PageTarget>();
        for (int i = 0; i < count && !reader.Failed; i++)
            targets.Add(ReadTarget(ref reader, state));
        int references = System.Numerics.BitOperations.PopCount(kinds & 0xAAAA_AAAA);
        var pages = new PageTable(kinds, targets, reader.Bytes(references).ToArray());
        reader.Require(pages.IsCanonical(hasPayload));
        return reader.Failed ? null : pages;
    }

    private static void WriteTarget(ByteWriter writer, in PageTarget target, LeafState state)
    {
        long step = (long)target.Key.Chunk - (long)state.TargetChunk;
        state.TargetChunk = target.Key.Chunk;
        writer.VarInt(target.Key.Stream).VarInt((ulong)(step << 1 ^ step >> 63));
        state.WriteBirth(writer, target.Place.LeaseId, target.Place.Commit);
        CellId[] rest = target.Place.Rest ?? [];
        writer.VarInt((ulong)target.Place.Slot << RestBits | (uint)rest.Length);
        state.WriteCell(writer, target.Place.Cell);
        foreach (CellId id in rest)
            state.WriteCell(writer, id);
    }

    private static PageTarget ReadTarget(ref ByteReader reader, LeafState state)
    {
        const ulong chunksMax = (ulong)(FormatLimits.StreamBytesMax / FormatLimits.ChunkBytes);
        ulong stream = reader.VarInt(), zigzag = reader.VarInt();
        reader.Require(stream < MetadataStream.First && zigzag <= chunksMax << 1);
        if (reader.Failed)
            return default;
        long chunk = (long)state.TargetChunk + ((long)(zigzag >> 1) ^ -(long)(zigzag & 1));
        reader.Require(chunk >= 0 && chunk <= (long)chunksMax);
        (ulong lease, ulong commit) = state.ReadBirth(ref reader);
        int slotAndRest = reader.VarIntAtMost((FormatLimits.CellBytesMax / CellLayout.EntryBytes << RestBits) + (1 << RestBits) - 1);
        int count = slotAndRest & (1 << RestBits) - 1;
        reader.Require(count <= RestMax);
        CellId cell = state.ReadCell(ref reader);
        CellId[]? rest = reader.Failed || count == 0 ? null : new CellId[count];
        for (int i = 0; i < (rest?.Length ?? 0); i++)
            rest![i] = state.ReadCell(ref reader);
        if (reader.Failed)
            return default;
        state.TargetChunk = (ulong)chunk;
        return new PageTarget(new ChunkKey((uint)stream, (ulong)chunk), new PayloadRef(lease, commit, cell, (uint)(slotAndRest >> RestBits), rest));
    }
}
