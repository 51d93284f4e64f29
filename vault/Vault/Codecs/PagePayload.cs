using System.Buffers.Binary;
using System.Numerics;
using VmPod.Vault.Format;

namespace VmPod.Vault.Codecs;

/// <summary>A payload of some of a chunk's pages, read in place: codecs patch and pageref (SPEC V-143, V-144).</summary>
internal readonly ref struct PagePayload
{
    /// <summary>Bytes before the pages in codec pageref.</summary>
    public const int HeaderBytes = 2;

    /// <summary>Bytes before the pages in codec patch.</summary>
    public const int PatchHeaderBytes = 4;

    private PagePayload(ushort pages, ushort different, ReadOnlySpan<byte> body)
    {
        Pages = pages;
        Different = different;
        Body = body;
    }

    /// <summary>Bit i: page i stands here.</summary>
    public ushort Pages { get; }

    /// <summary>Bit i: page i stands here as a difference.</summary>
    public ushort Different { get; }

    /// <summary>Bytes of the pages, joined.</summary>
    public int PlainLength => BitOperations.PopCount(Pages) * FormatLimits.PageBytes;

    private ReadOnlySpan<byte> Body { get; }

    /// <summary>Writes the table before the pages. Returns its bytes.</summary>
    public static int WriteHeader(Span<byte> into, ushort pages, ushort different)
    {
        BinaryPrimitives.WriteUInt16BigEndian(into, pages);
        if (different == 0)
            return HeaderBytes;
        BinaryPrimitives.WriteUInt16BigEndian(into[HeaderBytes..], different);
        return PatchHeaderBytes;
    }

    /// <summary>Joins the pages that a table's differences are from, out of the payload in which all of them stand. Returns their bytes.</summary>
    public static int JoinBasis(PageTable table, ReadOnlySpan<byte> basis, Span<byte> into)
    {
        int length = 0;
        for (int page = 0; page < PageTable.PagesMax; page++)
        {
            if (table.KindOf(page) != PageKind.Difference)
                continue;
            basis.Slice(table.ReferenceOf(page).Page * FormatLimits.PageBytes, FormatLimits.PageBytes).CopyTo(into[length..]);
            length += FormatLimits.PageBytes;
        }
        return length;
    }

    /// <summary>Reads the table. False unless it means one thing in one way.</summary>
    public static bool TryRead(Codec codec, ReadOnlySpan<byte> bytes, out PagePayload payload)
    {
        payload = default;
        int header = codec == Codec.Patch ? PatchHeaderBytes : HeaderBytes;
        if (codec is not (Codec.Patch or Codec.PageRef) || bytes.Length <= header)
            return false;
        ushort pages = BinaryPrimitives.ReadUInt16BigEndian(bytes);
        ushort different = codec == Codec.Patch ? BinaryPrimitives.ReadUInt16BigEndian(bytes[HeaderBytes..]) : (ushort)0;
        payload = new PagePayload(pages, different, bytes[header..]);
        return pages != 0 && (different & ~pages) == 0 && (codec == Codec.PageRef || different != 0) && payload.Body.Length <= payload.PlainLength;
    }

    /// <summary>Decodes the pages, joined, into <paramref name="joined"/>, which has <see cref="PlainLength"/> bytes.</summary>
    public bool TryDecode(ChunkDecoder decoder, ReadOnlySpan<byte> prefix, Span<byte> joined)
    {
        if (Different == 0 && Body.Length == joined.Length)
        {
            Body.CopyTo(joined);
            return true;
        }
        return Body.Length < joined.Length && decoder.TryInflate(Body, prefix, joined);
    }
}
