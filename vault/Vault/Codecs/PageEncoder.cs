using System.Numerics;
using System.Runtime.InteropServices;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Codecs;

/// <summary>
/// Chooses how a chunk is stored: alone, or put together out of pages that other payloads hold, with its new pages as they are or as differences from
/// what they were. One for each thread.
/// </summary>
/// <remarks>
/// Each page goes the first of these ways that it can: zero; unchanged since the chunk's last version; found by its bytes; a difference from its last version;
/// itself. References go to pages that stand as themselves, never on to others, and all differences of a chunk are from one payload: so a page costs the cells
/// of two payloads at most (rule 13).
/// </remarks>
internal sealed class PageEncoder(Effort effort) : IDisposable
{
    private const int PageBytes = FormatLimits.PageBytes, PagesMax = PageTable.PagesMax;

    // Below a quarter of words that are equal, in place, and not zero the old page helps zstd no more than nothing does.
    private const int SimilarWords = PageBytes / sizeof(ulong) / 4;

    private readonly LockedMemory old = new(FormatLimits.ChunkBytes), other = new(ChunkEncoder.OutputBytesMax), joined = new(FormatLimits.ChunkBytes),
        prefix = new(FormatLimits.ChunkBytes);
    private readonly PageKind[] kinds = new PageKind[PagesMax];
    private readonly (PageTarget Target, int Page)[] references = new (PageTarget, int)[PagesMax];

    /// <summary>What compresses.</summary>
    public ChunkEncoder Compressor { get; } = new(effort);

    /// <summary>What a chunk is encoded with.</summary>
    /// <param name="Reader">Reads older payloads.</param>
    /// <param name="Old">The chunk's last version; zero for none.</param>
    /// <param name="Clean">Bit i: page i is what it was there, for certain.</param>
    /// <param name="Source">Where pages are found by their bytes; null for nowhere.</param>
    /// <param name="TargetsMax">Other payloads that the chunk may name: a guest reads a disk in long runs, which should not become many small reads.</param>
    /// <param name="Placed">For each page where it was stored already, as it is, in a payload that is sealed; null or no target for none.</param>
    public readonly record struct Context(
        PayloadReader Reader, PayloadRef Old, ushort Clean, IPageSource? Source, int TargetsMax, (PageTarget Target, int Page)[]? Placed = null)
    {
        /// <summary>True to store it alone, whatever else there is (SPEC V-155).</summary>
        public bool IsAlone { get; init; }
    }

    /// <summary>
    /// Finds out what a chunk's pages are, and encodes it into <paramref name="into"/> if some are differences. With a table whose pages are all those of
    /// others the length is 0. False if those of its own (the table's, or all without one) stand for themselves: alone by <see cref="EncodeAlone"/>, or in
    /// a frame with those of other chunks.
    /// </summary>
    public bool TryEncode(ChunkKey key, ReadOnlySpan<byte> chunk, in Context context, Span<byte> into, out (Codec Codec, int Length, PageTable? Pages) encoded)
    {
        encoded = default;
        if (chunk.Length % PageBytes != 0 || (context.Source is null && context.Placed is null && context.Old.IsZero) || !Sort(key, chunk, context))
            return false;
        LimitTargets(context.TargetsMax);
        PageTable table = Table();
        if (table.DifferentPages != 0)
        {
            int length = Join(chunk, table.OwnPages);
            if (ReadPrefix(table, context) is var before and > 0)
            {
                int header = PagePayload.WriteHeader(into, table.OwnPages, table.DifferentPages);
                int frame = Compressor.Deflate(joined.Slice(0, length), prefix.Slice(0, before), into[header..]);
                if (frame < length)
                {
                    encoded = (Codec.Patch, header + frame, table);
                    return true;
                }
            }
            for (int page = 0; page < PagesMax; page++)
            {
                if (kinds[page] == PageKind.Difference)
                    kinds[page] = PageKind.Own;
            }
            table = Table();
        }
        if (table.Targets.Count > 0)
            encoded.Pages = table;
        return encoded.Pages is { HasOwn: false };
    }

    /// <summary>Encodes the own pages of a chunk alone.</summary>
    /// <param name="own">They, joined; without a table the whole chunk.</param>
    /// <param name="table">The chunk's table; null for none.</param>
    /// <param name="into">At least <see cref="ChunkEncoder.OutputBytesMax"/>.</param>
    public (Codec Codec, int Length) EncodeAlone(ReadOnlySpan<byte> own, PageTable? table, Span<byte> into)
    {
        if (table is null)
            return Compressor.Encode(own, into);
        int header = PagePayload.WriteHeader(into, table.OwnPages, 0);
        int frame = Compressor.Deflate(own, default, into[header..]);
        if (frame < own.Length)
            return (Codec.PageRef, header + frame);
        own.CopyTo(into[header..]);
        return (Codec.PageRef, header + own.Length);
    }

    /// <summary>
    /// Encodes a chunk of a small stream that shifts, as a difference from its last version where that is less than seven eighths of what it is alone.
    /// </summary>
    public (Codec Codec, int Length, PageTable? Pages) EncodeDelta(ChunkKey key, ReadOnlySpan<byte> chunk, PayloadReader reader, in PayloadRef last,
        Span<byte> into)
    {
        (Codec codec, int length) = Compressor.Encode(chunk, into);
        // The base of a delta is never one: it is what the last version was a difference from.
        PageTarget? basis = last.IsZero ? null : last.Pages is null ? new PageTarget(key, last) : last.Pages.IsDelta ? last.Pages.Targets[0] : null;
        if (basis is not { } from)
            return (codec, length, null);
        try
        {
            Span<byte> before = old.Slice(0, FormatLimits.ChunkBytes);
            int delta = Compressor.Deflate(chunk, before[..reader.ReadUpTo(from.Key, from.Place, before)], other.Slice(0, ChunkEncoder.OutputBytesMax));
            if (delta >= length - length / 8)
                return (codec, length, null);
            other.Slice(0, delta).CopyTo(into);
            return (Codec.Delta, delta, PageTable.Delta([from]));
        }
        catch (VmPodException)
        {
            // The base cannot be had: the chunk stands alone.
            return (codec, length, null);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Compressor.Dispose();
        old.Dispose();
        other.Dispose();
        joined.Dispose();
        prefix.Dispose();
    }

    // What each page is. False if they all stand for themselves.
    private bool Sort(ChunkKey key, ReadOnlySpan<byte> chunk, in Context context)
    {
        Array.Clear(kinds);
        OldVersion last = OldVersion.Of(key, context.Old);
        bool isRead = false, any = false;
        ushort have = 0;
        (PageTarget Target, ushort Pages) loaded = default;
        for (int page = 0; page < chunk.Length / PageBytes; page++)
        {
            ReadOnlySpan<byte> bytes = chunk.Slice(page * PageBytes, PageBytes);
            if (!bytes.ContainsAnyExcept((byte)0))
                continue;
            kinds[page] = PageKind.Own;
            if (context.Placed is { } placed && !placed[page].Target.Place.IsZero)
            {
                (kinds[page], references[page]) = (PageKind.Reference, placed[page]);
            }
            else if ((context.Clean >> page & 1) != 0 && last.TryPlain(page, out references[page]))
            {
                kinds[page] = PageKind.Reference;
            }
            else
            {
                if (!isRead && last.HasOwn)
                    have = ReadOld(key, context);
                isRead = true;
                bool isOld = (have >> page & 1) != 0 && bytes.SequenceEqual(old.Slice(page * PageBytes, PageBytes));
                if (isOld && last.TryPlain(page, out references[page]))
                    kinds[page] = PageKind.Reference;
                else if (!isOld && context.Source is not null && context.Source.TryFind(bytes, out PageTarget target, out int number))
                    (kinds[page], references[page]) = (PageKind.Reference, (target, number));
                else if (last.IsReference(page) && last.TryPlain(page, out references[page]) && IsPage(bytes, references[page], context.Reader, ref loaded))
                    kinds[page] = PageKind.Reference;
                else if (last.TryBasis(page, out references[page]) && (isOld || IsSimilar(bytes, page, have, last)))
                    kinds[page] = PageKind.Difference;
            }
            any |= kinds[page] != PageKind.Own;
        }
        return any;
    }

    private ushort ReadOld(ChunkKey key, in Context context)
    {
        try
        {
            return context.Reader.ReadOwn(key, context.Old, old.Slice(0, FormatLimits.ChunkBytes));
        }
        catch (VmPodException)
        {
            // Damaged or out of reach: the chunk is stored without it.
            return 0;
        }
    }

    private bool IsPage(ReadOnlySpan<byte> bytes, in (PageTarget Target, int Page) reference, PayloadReader reader,
        ref (PageTarget Target, ushort Pages) loaded)
    {
        Span<byte> whole = other.Slice(0, FormatLimits.ChunkBytes);
        if (loaded.Target.Place.IsZero || !loaded.Target.IsSame(reference.Target))
        {
            loaded = default;
            try
            {
                loaded = (reference.Target, reader.ReadTarget(reference.Target, whole));
            }
            catch (VmPodException)
            {
                return false;
            }
        }
        return (loaded.Pages >> reference.Page & 1) != 0 && bytes.SequenceEqual(whole.Slice(reference.Page * PageBytes, PageBytes));
    }

    private bool IsSimilar(ReadOnlySpan<byte> bytes, int page, ushort have, in OldVersion last)
    {
        // A page that was a difference itself is made one again, from the same base: what it is like is not known without reading that.
        if (last.IsDifference(page))
            return true;
        if ((have >> page & 1) == 0)
            return false;
        ReadOnlySpan<ulong> now = MemoryMarshal.Cast<byte, ulong>(bytes), before = MemoryMarshal.Cast<byte, ulong>(old.Slice(page * PageBytes, PageBytes));
        int same = 0;
        for (int i = 0; i <= now.Length - Vector<ulong>.Count; i += Vector<ulong>.Count)
        {
            var word = new Vector<ulong>(now[i..]);
            Vector<ulong> equal = Vector.AndNot(Vector.Equals(word, new Vector<ulong>(before[i..])), Vector.Equals(word, Vector<ulong>.Zero));
            same -= (int)Vector.Sum(Vector.AsVectorInt64(equal));
        }
        return same >= SimilarWords;
    }

    // Pages of the targets that give least are stored here instead.
    private void LimitTargets(int targetsMax)
    {
        while (true)
        {
            var counts = new List<(PageTarget Target, int Pages)>();
            for (int page = 0; page < PagesMax; page++)
            {
                if (kinds[page] < PageKind.Reference)
                    continue;
                PageTarget target = references[page].Target;
                int at = counts.FindIndex(c => c.Target.IsSame(target));
                if (at < 0)
                    counts.Add((target, 1));
                else
                    counts[at] = (target, counts[at].Pages + 1);
            }
            if (counts.Count <= targetsMax)
                return;
            PageTarget least = counts.MinBy(c => c.Pages).Target;
            for (int page = 0; page < PagesMax; page++)
            {
                if (kinds[page] >= PageKind.Reference && references[page].Target.IsSame(least))
                    kinds[page] = PageKind.Own;
            }
        }
    }

    private PageTable Table()
    {
        uint bits = 0;
        var targets = new List<PageTarget>();
        var bytes = new List<byte>();
        for (int page = 0; page < PagesMax; page++)
        {
            bits |= (uint)kinds[page] << 2 * page;
            if (kinds[page] < PageKind.Reference)
                continue;
            (PageTarget target, int number) = references[page];
            int at = targets.FindIndex(t => t.IsSame(target));
            if (at < 0)
            {
                at = targets.Count;
                targets.Add(target);
            }
            bytes.Add((byte)(at << 4 | number));
        }
        return new PageTable(bits, targets, [.. bytes]);
    }

    private int Join(ReadOnlySpan<byte> chunk, ushort pages)
    {
        int length = 0;
        for (int page = 0; page < PagesMax; page++)
        {
            if ((pages >> page & 1) == 0)
                continue;
            chunk.Slice(page * PageBytes, PageBytes).CopyTo(joined.Slice(length, PageBytes));
            length += PageBytes;
        }
        return length;
    }

    // What the differences are from, joined: of the chunk's last version, or of what that was a difference from.
    private int ReadPrefix(PageTable table, in Context context)
    {
        Span<byte> basis = old.Slice(0, FormatLimits.ChunkBytes);
        if (context.Old.Pages is { DifferentPages: not 0 })
        {
            basis = other.Slice(0, FormatLimits.ChunkBytes);
            try
            {
                context.Reader.ReadBasis(table, basis);
            }
            catch (VmPodException)
            {
                return 0;
            }
        }
        return PagePayload.JoinBasis(table, basis, prefix.Slice(0, FormatLimits.ChunkBytes));
    }
}
