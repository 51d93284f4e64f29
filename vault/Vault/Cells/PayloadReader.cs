using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Reads payloads out of sealed cells: fetch, check the hash, open, check the context, decode. Thread-safe.</summary>
internal sealed class PayloadReader(ICellOpener cells, SessionHandle session, int cachedCells) : IDisposable
{
    private readonly LockedCache<CellId> opened = new(cachedCells, CellLayout.HeaderBytes + CellLayout.Capacity(cells.CellBytes));
    private readonly ThreadLocal<Scratch> scratch = new(static () => new Scratch(), trackAllValues: true);

    /// <summary>Reads and decodes the payload at <paramref name="place"/> into <paramref name="chunk"/>, which it must fill exactly.</summary>
    /// <exception cref="VmPodException">A cell is missing or damaged, or the map and the directory do not agree (exit 5).</exception>
    public void Read(ChunkKey key, in PayloadRef place, Span<byte> chunk)
    {
        int got = Read(key, place, chunk, exact: true, sameChunk: true);
        if (got != chunk.Length)
            throw Disagrees(key);
    }

    /// <summary>As <see cref="Read(ChunkKey, in PayloadRef, Span{byte})"/> for a chunk that may be shorter than <paramref name="chunk"/>.
    /// Returns its bytes.</summary>
    public int ReadUpTo(ChunkKey key, in PayloadRef place, Span<byte> chunk) => Read(key, place, chunk, exact: false, sameChunk: true);

    /// <summary>Reads a payload of a metadata stream, whose length only the directory knows. Returns its bytes.</summary>
    /// <remarks>Structure of the vault, not of the guest: an ordinary array. Which leaf it is shows in its first key, so its number is not checked.</remarks>
    public byte[] ReadAll(uint metadataStream, in PayloadRef place)
    {
        byte[] bytes = new byte[FormatLimits.ChunkBytes];
        int length = Read(new ChunkKey(metadataStream, 0), place, bytes, exact: false, sameChunk: false);
        return bytes.AsSpan(0, length).ToArray();
    }

    /// <summary>Reads a manifest: payloads of the manifest's stream, one after the other through the cells that the signed record names.</summary>
    /// <exception cref="VmPodException">They are not just that (exit 5).</exception>
    public byte[] ReadManifest(CommitRecord record)
    {
        byte[] manifest = new byte[record.ManifestBytes];
        var state = new ManifestRead(manifest, record, scratch.Value!);
        for (int i = 0; i < record.ManifestCells.Count; i++)
        {
            state.FirstSlot = i == 0 ? (int)record.ManifestSlot : 0;
            if (!opened.Use(record.ManifestCells[i], Load, state, static (work, s) => TakeManifest(work[CellLayout.HeaderBytes..], s)))
                throw Disagrees(new ChunkKey(MetadataStream.Manifest, (ulong)i));
        }
        return state.Filled == manifest.Length && state.Joined == 0 ? manifest : throw Disagrees(new ChunkKey(MetadataStream.Manifest, 0));
    }

    private static bool TakeManifest(ReadOnlySpan<byte> plaintext, ManifestRead state)
    {
        if (!CellContent.TryParse(plaintext, out CellContent content) || content.Context.Commit != state.Record.Number
            || content.Context.LeaseId != state.Record.LeaseId || state.FirstSlot >= content.Count)
            return false;
        for (int slot = state.FirstSlot; slot < content.Count; slot++)
        {
            PayloadEntry entry = content.Entry(slot);
            ReadOnlySpan<byte> bytes = content.Bytes(entry);
            int left = state.Manifest.Length - state.Filled;
            if (entry.Stream != MetadataStream.Manifest || entry.Chunk != (ulong)(state.Filled / FormatLimits.ChunkBytes) || entry.Part != state.Part
                || entry.RawLength != Math.Min(left, FormatLimits.ChunkBytes) || state.Joined + bytes.Length > FormatLimits.ChunkBytes)
                return false;
            Span<byte> joined = state.Scratch.Joined.Slice(0, FormatLimits.ChunkBytes);
            bytes.CopyTo(joined[state.Joined..]);
            state.Joined += bytes.Length;
            state.Part = entry.More ? state.Part + 1 : 0;
            if (entry.More)
                continue;
            if (!state.Scratch.Decoder.TryDecode(entry.Codec, joined[..state.Joined], state.Manifest.AsSpan(state.Filled, entry.RawLength)))
                return false;
            state.Filled += entry.RawLength;
            state.Joined = 0;
        }
        return true;
    }

    private int Read(ChunkKey key, PayloadRef place, Span<byte> chunk, bool exact, bool sameChunk)
    {
        Scratch s = scratch.Value!;
        var request = new Request(key, place, chunk, exact, sameChunk, s);
        PartResult first = opened.Use(place.Cell, Load, request, static (work, r) => TakePart(work, r, r.Place.Slot, 0, 0));
        CheckPart(key, first, place.Rest is not null);
        int length = first.Length;
        for (int part = 1; part <= (place.Rest?.Length ?? 0); part++)
        {
            request.Part = part;
            request.Filled = length;
            PartResult next = opened.Use(place.Rest![part - 1], Load, request, static (work, r) => TakePart(work, r, 0, r.Part, r.Filled));
            CheckPart(key, next, part < place.Rest.Length);
            if (next.Codec != first.Codec || next.RawLength != first.RawLength)
                throw Disagrees(key);
            length += next.Length;
        }
        if (first.Decoded)
            return first.RawLength;
        if (exact && first.RawLength != chunk.Length)
            throw Disagrees(key);
        return s.Decoder.TryDecode(first.Codec, s.Joined.Slice(0, length), chunk[..first.RawLength]) ? first.RawLength : throw Disagrees(key);
    }

    private static void CheckPart(ChunkKey key, PartResult part, bool goesOn)
    {
        if (!part.Found || part.More != goesOn)
            throw Disagrees(key);
    }

    // A payload in one piece is decoded straight out of the cached cell; parts are joined first.
    private static PartResult TakePart(ReadOnlySpan<byte> work, Request request, uint slot, int part, int filled)
    {
        if (!CellContent.TryParse(work[CellLayout.HeaderBytes..], out CellContent content) || slot >= (uint)content.Count)
            return default;
        PayloadEntry entry = content.Entry((int)slot);
        if (entry.Stream != request.Key.Stream || (request.SameChunk && entry.Chunk != request.Key.Chunk) || entry.Part != part
            || content.Context.Commit != request.Place.Commit
            || content.Context.LeaseId != request.Place.LeaseId || entry.RawLength > request.Chunk.Length)
            return default;
        ReadOnlySpan<byte> bytes = content.Bytes(entry);
        if (part == 0 && !entry.More)
        {
            bool exactly = !request.Exact || entry.RawLength == request.Chunk.Length;
            if (!exactly || !request.Scratch.Decoder.TryDecode(entry.Codec, bytes, request.Chunk[..entry.RawLength]))
                return default;
            return new PartResult(true, false, entry.Codec, entry.RawLength, entry.Length, true);
        }
        if (filled + bytes.Length > FormatLimits.ChunkBytes)
            return default;
        bytes.CopyTo(request.Scratch.Joined.Slice(filled, bytes.Length));
        return new PartResult(true, entry.More, entry.Codec, entry.RawLength, entry.Length, false);
    }

    private void Load(CellId id, Span<byte> work)
    {
        cells.Open(id, work);
        if (CellContent.TryParse(work[CellLayout.HeaderBytes..], out CellContent content)
            && content.Context.Session == session && content.Context.LeaseId == CellHeader.KeyIdOf(work))
            return;
        work.Clear();
        throw KeyedCellOpener.DoesNotOpen(id);
    }

    private static VmPodException Disagrees(ChunkKey key) =>
        new(ExitCode.Damaged, $"The map and the cells disagree on chunk {key.Chunk} of stream {key.Stream}.", "Use an older generation or a mirror.");

    /// <summary>Zeroes the cached plaintext; it stays usable.</summary>
    public void Clear() => opened.Clear();

    /// <inheritdoc/>
    public void Dispose()
    {
        opened.Dispose();
        foreach (Scratch s in scratch.Values)
            s.Dispose();
        scratch.Dispose();
        cells.Dispose();
    }

    private readonly record struct PartResult(bool Found, bool More, Codec Codec, int RawLength, int Length, bool Decoded);

    private ref struct Request(ChunkKey key, PayloadRef place, Span<byte> chunk, bool exact, bool sameChunk, Scratch scratch)
    {
        public readonly ChunkKey Key = key;
        public readonly PayloadRef Place = place;
        public readonly Span<byte> Chunk = chunk;
        public readonly bool Exact = exact;
        public readonly bool SameChunk = sameChunk;
        public readonly Scratch Scratch = scratch;
        public int Part;
        public int Filled;
    }

    private sealed class ManifestRead(byte[] manifest, CommitRecord record, Scratch scratch)
    {
        public readonly byte[] Manifest = manifest;
        public readonly CommitRecord Record = record;
        public readonly Scratch Scratch = scratch;
        public int FirstSlot, Filled, Joined, Part;
    }

    private sealed class Scratch : IDisposable
    {
        public readonly LockedMemory JoinedMemory = new(FormatLimits.ChunkBytes);
        public readonly ChunkDecoder Decoder = new();

        public LockedMemory Joined => JoinedMemory;

        public void Dispose()
        {
            JoinedMemory.Dispose();
            Decoder.Dispose();
        }
    }
}
