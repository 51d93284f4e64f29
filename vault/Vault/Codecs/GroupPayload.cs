using System.Buffers.Binary;
using System.Numerics;
using VmPod.Vault.Format;

namespace VmPod.Vault.Codecs;

/// <summary>A payload of pages of several chunks, read in place: codec group (SPEC V-147).</summary>
/// <remarks>
/// <code>
///   count u8 | pages u16 | (count - 1) * { step u8 | pages u16 } | one zstd frame of the pages, chunk by chunk
/// </code>
/// </remarks>
internal readonly ref struct GroupPayload
{
    private const int FirstBytes = 3, NextBytes = 3;

    private readonly ReadOnlySpan<byte> table;

    private GroupPayload(ReadOnlySpan<byte> table, ReadOnlySpan<byte> frame)
    {
        this.table = table;
        Frame = frame;
    }

    /// <summary>The farthest that a chunk may be from the one before it in a group.</summary>
    public const int StepMax = byte.MaxValue;

    /// <summary>Bytes of the longest table.</summary>
    public static int HeaderBytesMax => HeaderBytes(FormatLimits.GroupChunksMax);

    /// <summary>One zstd frame of all pages, joined.</summary>
    public ReadOnlySpan<byte> Frame { get; }

    /// <summary>Bytes of a table of so many chunks.</summary>
    public static int HeaderBytes(int count) => FirstBytes + (count - 1) * NextBytes;

    /// <summary>Writes the table of a group.</summary>
    /// <param name="into">At least <see cref="HeaderBytes"/>.</param>
    /// <param name="chunks">Numbers of the chunks, rising by <see cref="StepMax"/> at most.</param>
    /// <param name="pages">For each the pages that stand here, bit by bit.</param>
    public static int WriteHeader(Span<byte> into, ReadOnlySpan<ulong> chunks, ReadOnlySpan<ushort> pages)
    {
        into[0] = (byte)chunks.Length;
        for (int i = 0; i < chunks.Length; i++)
        {
            if (i > 0)
                into[i * NextBytes] = (byte)(chunks[i] - chunks[i - 1]);
            BinaryPrimitives.WriteUInt16BigEndian(into[(i * NextBytes + 1)..], pages[i]);
        }
        return HeaderBytes(chunks.Length);
    }

    /// <summary>Reads the table of a payload whose pages take <paramref name="rawLength"/> bytes. False unless it means one thing in one way.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, int rawLength, out GroupPayload group)
    {
        group = default;
        if (payload.Length > FormatLimits.GroupPayloadBytesMax || payload.Length < FirstBytes || payload[0] is < 2 or > FormatLimits.GroupChunksMax
            || payload.Length <= HeaderBytes(payload[0]))
            return false;
        int header = HeaderBytes(payload[0]), pages = 0;
        group = new GroupPayload(payload[..header], payload[header..]);
        for (int i = 0; i < payload[0]; i++)
        {
            if (group.PagesOf(i) == 0 || (i > 0 && group.StepTo(i) == 0))
                return false;
            pages += BitOperations.PopCount(group.PagesOf(i));
        }
        return pages * FormatLimits.PageBytes == rawLength && group.Frame.Length < rawLength;
    }

    /// <summary>True if a chunk is in the group, with its pages, and where they begin among the joined ones.</summary>
    /// <param name="distance">The chunk's number less that of the group's first.</param>
    /// <param name="pages">Bit i: page i stands here.</param>
    /// <param name="offset">In bytes.</param>
    public bool TryFind(ulong distance, out ushort pages, out int offset)
    {
        ulong at = 0;
        (pages, offset) = (0, 0);
        for (int i = 0; i < table[0]; i++)
        {
            at += i > 0 ? StepTo(i) : 0u;
            pages = PagesOf(i);
            if (at == distance)
                return true;
            offset += BitOperations.PopCount(pages) * FormatLimits.PageBytes;
        }
        return false;
    }

    private ushort PagesOf(int i) => BinaryPrimitives.ReadUInt16BigEndian(table[(i * NextBytes + 1)..]);

    private byte StepTo(int i) => table[i * NextBytes];
}
