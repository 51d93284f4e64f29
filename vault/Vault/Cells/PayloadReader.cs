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

    /// <summary>Reads the chunk at <paramref name="place"/> into <paramref name="chunk"/>, which it must fill exactly. Pages of other payloads come by
    /// <paramref name="shortcut"/> where it has them.</summary>
    /// <exception cref="VmPodException">A cell is missing or damaged, or the map and the directory do not agree (exit 5).</exception>
    public void Read(ChunkKey key, in PayloadRef place, Span<byte> chunk, IPageShortcut? shortcut = null)
    {
        if (Read(key, place, chunk, exact: true, shortcut) != chunk.Length)
            throw Disagrees(key);
    }

    /// <summary>As <see cref="Read(ChunkKey, in PayloadRef, Span{byte}, IPageShortcut?)"/> for a chunk that may be shorter than <paramref name="chunk"/>.
    /// Returns its bytes.</summary>
    public int ReadUpTo(ChunkKey key, in PayloadRef place, Span<byte> chunk) => Read(key, place, chunk, exact: false);

    /// <summary>Reads a payload of a metadata stream, whose length only the directory knows. Returns its bytes.</summary>
    /// <remarks>Structure of the vault, not of the guest: an ordinary array. Which leaf it is shows in its first key, so its number is not checked.</remarks>
    public byte[] ReadAll(uint metadataStream, in PayloadRef place)
    {
        byte[] bytes = new byte[FormatLimits.ChunkBytes];
        int length = Fetch(new ChunkKey(metadataStream, 0), place, bytes, Want.UpTo).RawLength;
        return bytes.AsSpan(0, length).ToArray();
    }

    /// <summary>Reads a manifest: payloads of the manifest's stream, one after the other through the cells that the signed record names.</summary>
    /// <exception cref="VmPodException">They are not just that (exit 5).</exception>
    public byte[] ReadManifest(CommitRecord record)
    {
        if (record.ManifestCells.Count > 1)
            _ = FetchAhead(record.ManifestCells, isAwaited: true, static () => true);
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

    /// <summary>The lines of a cell's directory.</summary>
    /// <exception cref="VmPodException">The cell is missing or damaged (exit 5).</exception>
    public PayloadEntry[] ReadDirectory(CellId id) => opened.Use(id, Load, id, static (work, _) =>
    {
        if (!CellContent.TryParse(work[CellLayout.HeaderBytes..], out CellContent content))
            return [];
        var lines = new PayloadEntry[content.Count];
        for (int line = 0; line < lines.Length; line++)
            lines[line] = content.Entry(line);
        return lines;
    });

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

    /// <summary>
    /// Reads the pages that stand in a chunk's own payload, each to its place in <paramref name="chunk"/>; of one that names no others that is all of it.
    /// Returns which pages those are, bit by bit.
    /// </summary>
    /// <exception cref="VmPodException">As for <see cref="Read(ChunkKey, in PayloadRef, Span{byte}, IPageShortcut?)"/>.</exception>
    public ushort ReadOwn(ChunkKey key, in PayloadRef place, Span<byte> chunk)
    {
        if (!place.HasPayload)
            return 0;
        if (place.Pages is not { } pages)
            return PagesOf(Fetch(key, place, chunk, Want.UpTo).RawLength);
        if (pages.IsDelta)
            return PagesOf(ReadDelta(key, place, chunk, exact: false));
        ReadOwnPages(key, place, pages, chunk, exact: false);
        return pages.OwnPages;
    }

    /// <summary>Reads the pages of a target that others may name: those that stand in its payload and are no differences. Returns which they are, bit by
    /// bit.</summary>
    /// <exception cref="VmPodException">As for <see cref="Read(ChunkKey, in PayloadRef, Span{byte}, IPageShortcut?)"/>.</exception>
    public ushort ReadTarget(in PageTarget target, Span<byte> chunk) => Fetch(target.Key, target.Place, chunk, Want.Plain).Have;

    /// <summary>As <see cref="ReadTarget(in PageTarget, Span{byte})"/>; a page of <paramref name="wanted"/> that is not among them is damage too.</summary>
    public void ReadTarget(in PageTarget target, ushort wanted, Span<byte> chunk)
    {
        if ((ReadTarget(target, chunk) & wanted) != wanted)
            throw Disagrees(target.Key);
    }

    private static ushort PagesOf(int length) => (ushort)((1 << length / FormatLimits.PageBytes) - 1);

    private int Read(ChunkKey key, in PayloadRef place, Span<byte> chunk, bool exact, IPageShortcut? shortcut = null)
    {
        if (place.Pages is not { } pages)
            return Fetch(key, place, chunk, exact ? Want.Exactly : Want.UpTo).RawLength;
        if (pages.IsDelta)
            return ReadDelta(key, place, chunk, exact);
        if (pages.PageCount * FormatLimits.PageBytes > chunk.Length || chunk.Length % FormatLimits.PageBytes != 0)
            throw Disagrees(key);
        ReadReferences(pages, chunk, shortcut);
        if (pages.HasOwn)
            ReadOwnPages(key, place, pages, chunk, exact);
        return chunk.Length;
    }

    // All but the own pages. A target is decoded once, however many of its pages are named.
    private void ReadReferences(PageTable pages, Span<byte> chunk, IPageShortcut? shortcut)
    {
        Span<byte> whole = scratch.Value!.Target.Slice(0, FormatLimits.ChunkBytes);
        ushort left = 0;
        for (int page = 0; page < chunk.Length / FormatLimits.PageBytes; page++)
        {
            if (pages.KindOf(page) == PageKind.Zero)
                PageOf(chunk, page).Clear();
            else if (pages.KindOf(page) == PageKind.Reference
                && !(shortcut is not null && pages.ReferenceOf(page) is var (target, from) && shortcut.TryRead(target, from, PageOf(chunk, page))))
                left |= (ushort)(1 << page);
        }
        while (left != 0)
        {
            PageTarget target = pages.ReferenceOf(System.Numerics.BitOperations.TrailingZeroCount(left)).Target;
            ReadTarget(target, WantedOf(pages, PageKind.Reference, target), whole);
            for (int page = 0; page < PageTable.PagesMax; page++)
            {
                if ((left >> page & 1) == 0)
                    continue;
                (PageTarget named, int from) = pages.ReferenceOf(page);
                if (!named.IsSame(target))
                    continue;
                PageOf(whole, from).CopyTo(PageOf(chunk, page));
                left ^= (ushort)(1 << page);
            }
        }
    }

    private void ReadOwnPages(ChunkKey key, in PayloadRef place, PageTable pages, Span<byte> chunk, bool exact)
    {
        Scratch s = scratch.Value!;
        if (pages.DifferentPages != 0)
            ReadPrefix(pages, s);
        if (Fetch(key, place, chunk, Want.Pages, pages).RawLength is var length && exact && length != chunk.Length)
            throw Disagrees(key);
    }

    // The pages that the differences are from, joined: all stand in one payload.
    private void ReadPrefix(PageTable pages, Scratch s)
    {
        Span<byte> whole = s.Target.Slice(0, FormatLimits.ChunkBytes);
        ReadBasis(pages, whole);
        s.PrefixLength = PagePayload.JoinBasis(pages, whole, s.Prefix.Slice(0, FormatLimits.ChunkBytes));
    }

    /// <summary>Reads the pages that the differences of a table are from, each to its place; it has some.</summary>
    /// <exception cref="VmPodException">As for <see cref="Read(ChunkKey, in PayloadRef, Span{byte}, IPageShortcut?)"/>.</exception>
    public void ReadBasis(PageTable pages, Span<byte> whole)
    {
        PageTarget basis = pages.ReferenceOf(System.Numerics.BitOperations.TrailingZeroCount(pages.DifferentPages)).Target;
        ReadTarget(basis, WantedOf(pages, PageKind.Difference, basis), whole);
    }

    private int ReadDelta(ChunkKey key, in PayloadRef place, Span<byte> chunk, bool exact)
    {
        Scratch s = scratch.Value!;
        int length = 0;
        foreach (PageTarget basis in place.Pages!.Targets)
            length += Fetch(basis.Key, basis.Place, s.Prefix.Slice(length, FormatLimits.ChunkBytes), Want.UpTo).RawLength;
        s.PrefixLength = length;
        int raw = Fetch(key, place, chunk, Want.Delta).RawLength;
        return !exact || raw == chunk.Length ? raw : throw Disagrees(key);
    }

    private static ushort WantedOf(PageTable pages, PageKind kind, in PageTarget target)
    {
        ushort wanted = 0;
        for (int page = 0; page < PageTable.PagesMax; page++)
        {
            if (pages.KindOf(page) == kind && pages.ReferenceOf(page) is var (named, from) && named.IsSame(target))
                wanted |= (ushort)(1 << from);
        }
        return wanted;
    }

    private static Span<byte> PageOf(Span<byte> chunk, int page) => chunk.Slice(page * FormatLimits.PageBytes, FormatLimits.PageBytes);

    // Fetches a payload and decodes it into the chunk, as far as is wanted.
    private PartResult Fetch(ChunkKey key, in PayloadRef place, Span<byte> chunk, Want want, PageTable? pages = null)
    {
        Scratch s = scratch.Value!;
        var request = new Request(key, place, chunk, want, pages, s);
        PartResult result = opened.Use(place.Cell, Load, request, static (work, r) => TakePart(work, r, r.Place.Slot, 0, 0));
        CheckPart(key, result, place.Rest is not null);
        if (result.Decoded)
            return result;
        int length = result.Length;
        for (int part = 1; part <= (place.Rest?.Length ?? 0); part++)
        {
            request.Part = part;
            request.Filled = length;
            PartResult next = opened.Use(place.Rest![part - 1], Load, request, static (work, r) => TakePart(work, r, 0, r.Part, r.Filled));
            CheckPart(key, next, part < place.Rest.Length);
            if (next.Codec != result.Codec || next.RawLength != result.RawLength || next.FirstChunk != result.FirstChunk)
                throw Disagrees(key);
            length += next.Length;
        }
        request.FirstChunk = result.FirstChunk;
        return TryDecode(request, result.Codec, result.RawLength, s.Joined.Slice(0, length), out ushort have)
            ? Decoded(result.Codec, result.RawLength, have) : throw Disagrees(key);
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
        // Of a metadata stream only the first key of what is in it tells which one it is.
        // Of a group the line has the first chunk, and its own table the others.
        bool isGroup = entry.Codec == Codec.Group;
        bool isThis = entry.Stream == request.Key.Stream && (entry.Stream >= MetadataStream.First ? !isGroup
            : isGroup ? entry.Chunk <= request.Key.Chunk : entry.Chunk == request.Key.Chunk);
        if (!isThis || entry.Part != part || content.Context.Commit != request.Place.Commit || content.Context.LeaseId != request.Place.LeaseId
            || (isGroup ? FormatLimits.ChunkBytes : entry.RawLength) > request.Chunk.Length)
            return default;
        request.FirstChunk = entry.Chunk;
        ReadOnlySpan<byte> bytes = content.Bytes(entry);
        if (part == 0 && !entry.More)
        {
            return TryDecode(request, entry.Codec, entry.RawLength, bytes, out ushort have)
                ? Decoded(entry.Codec, entry.RawLength, have) : default;
        }
        if (filled + bytes.Length > request.Scratch.Joined.Length)
            return default;
        bytes.CopyTo(request.Scratch.Joined.Slice(filled, bytes.Length));
        return new PartResult(true, entry.More, entry.Codec, entry.RawLength, entry.Length, false, 0, entry.Chunk);
    }

    private static PartResult Decoded(Codec codec, int rawLength, ushort have) =>
        new(true, false, codec, codec == Codec.Group ? FormatLimits.ChunkBytes : rawLength, 0, true, have, 0);

    private static bool TryDecode(in Request request, Codec codec, int rawLength, ReadOnlySpan<byte> payload, out ushort have)
    {
        Scratch s = request.Scratch;
        Span<byte> chunk = request.Chunk;
        have = 0;
        if (codec == Codec.Group)
            return TryDecodeGroup(request, rawLength, payload, out have);
        switch (request.Want)
        {
            case Want.Exactly when rawLength != chunk.Length:
                return false;
            case Want.Exactly or Want.UpTo:
                return s.Decoder.TryDecode(codec, payload, chunk[..rawLength]);
            case Want.Delta:
                return codec == Codec.Delta && payload.Length < rawLength
                    && s.Decoder.TryInflate(payload, s.Prefix.Slice(0, s.PrefixLength), chunk[..rawLength]);
            case Want.Plain when codec != Codec.PageRef:
                have = PagesOf(rawLength);
                return s.Decoder.TryDecode(codec, payload, chunk[..rawLength]);
        }
        if (!PagePayload.TryRead(codec, payload, out PagePayload pages) || (pages.Pages & ~PagesOf(rawLength)) != 0)
            return false;
        // A payload of pages says itself which they are, and the map must agree.
        if (request.Want == Want.Plain ? codec != Codec.PageRef
            : request.Pages is not { } table || codec != table.OwnCodec || pages.Pages != table.OwnPages || pages.Different != table.DifferentPages)
            return false;
        Span<byte> joined = s.Pages.Slice(0, pages.PlainLength);
        if (!pages.TryDecode(s.Decoder, pages.Different == 0 ? default : s.Prefix.Slice(0, s.PrefixLength), joined))
            return false;
        have = pages.Pages;
        Spread(joined, have, chunk);
        return true;
    }

    // One frame for several chunks. The one that was decoded last is kept: who reads in order decodes each once.
    private static bool TryDecodeGroup(in Request request, int rawLength, ReadOnlySpan<byte> payload, out ushort have)
    {
        have = 0;
        if (!GroupPayload.TryRead(payload, rawLength, out GroupPayload group)
            || !group.TryFind(request.Key.Chunk - request.FirstChunk, out ushort pages, out int offset))
            return false;
        bool agrees = request.Want switch
        {
            Want.Exactly or Want.UpTo => pages == ushort.MaxValue,
            Want.Pages => request.Pages is { IsDelta: false, DifferentPages: 0 } table && table.OwnPages == pages,
            Want.Plain => true,
            _ => false,
        };
        Scratch s = request.Scratch;
        Span<byte> joined = s.Group.Slice(0, rawLength);
        if (!agrees || request.Chunk.Length < FormatLimits.ChunkBytes)
            return false;
        if (s.GroupPlace != (request.Place.Cell, request.Place.Slot))
        {
            s.GroupPlace = null;
            if (!s.Decoder.TryInflate(group.Frame, default, joined))
                return false;
            s.GroupPlace = (request.Place.Cell, request.Place.Slot);
        }
        have = pages;
        Spread(joined[offset..], have, request.Chunk);
        return true;
    }

    // Pages that stand one after the other, each to its place.
    private static void Spread(ReadOnlySpan<byte> joined, ushort pages, Span<byte> chunk)
    {
        if (pages == ushort.MaxValue)
        {
            joined[..FormatLimits.ChunkBytes].CopyTo(chunk);
            return;
        }
        for (int page = 0, at = 0; page < PageTable.PagesMax; page++)
        {
            if ((pages >> page & 1) == 0)
                continue;
            joined.Slice(at, FormatLimits.PageBytes).CopyTo(PageOf(chunk, page));
            at += FormatLimits.PageBytes;
        }
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

    /// <summary>True where cells may be far away.</summary>
    public bool IsFar => cells.IsFar;

    /// <summary>As <see cref="IReleasedCellSource.FetchAhead"/>.</summary>
    public int FetchAhead(IReadOnlyList<CellId> ids, bool isAwaited, Func<bool> goesOn) => cells.FetchAhead(ids, isAwaited, goesOn);

    /// <summary>A map says of a chunk what its cells do not.</summary>
    public static VmPodException Disagrees(ChunkKey key) =>
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

    // What of a payload: the chunk, of a known length or a length up to it; a delta; the pages that others may name; the pages that its table says.
    private enum Want
    {
        Exactly,
        UpTo,
        Delta,
        Plain,
        Pages,
    }

    private readonly record struct PartResult(bool Found, bool More, Codec Codec, int RawLength, int Length, bool Decoded, ushort Have, ulong FirstChunk);

    private ref struct Request(ChunkKey key, PayloadRef place, Span<byte> chunk, Want want, PageTable? pages, Scratch scratch)
    {
        public readonly ChunkKey Key = key;
        public readonly PayloadRef Place = place;
        public readonly Span<byte> Chunk = chunk;
        public readonly Want Want = want;
        public readonly PageTable? Pages = pages;
        public readonly Scratch Scratch = scratch;
        public int Part;
        public int Filled;
        public ulong FirstChunk;
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
        // A payload of all pages as differences may be longer than the chunk by its table.
        public readonly LockedMemory Joined = new(FormatLimits.ChunkBytes + FormatLimits.PageBytes);
        public readonly LockedMemory Pages = new(FormatLimits.ChunkBytes);
        public readonly LockedMemory Target = new(FormatLimits.ChunkBytes);
        public readonly LockedMemory Prefix = new(PageTable.BasesMax * FormatLimits.ChunkBytes);
        public readonly LockedMemory Group = new(FormatLimits.GroupBytesMax);
        public readonly ChunkDecoder Decoder = new();
        public int PrefixLength;

        // Whose pages are in Group: cells are named by their content.
        public (CellId Cell, uint Slot)? GroupPlace;

        public void Dispose()
        {
            Joined.Dispose();
            Pages.Dispose();
            Target.Dispose();
            Prefix.Dispose();
            Group.Dispose();
            Decoder.Dispose();
        }
    }
}
