using System.Buffers.Binary;

namespace VmPod.Vault.Format;

/// <summary>One line of a cell's directory: which payload, or which part of one, stands where.</summary>
/// <param name="Stream">The stream's number.</param>
/// <param name="Chunk">The chunk's number in the stream; of a group: its first.</param>
/// <param name="Codec">How the payload's bytes give the chunk.</param>
/// <param name="Part">0 for the first part of a payload, then 1, 2…</param>
/// <param name="More">True if the payload goes on at slot 0 of the next ordinal.</param>
/// <param name="RawLength">Bytes of the chunk, 1 to 65,536; of a group: of all its pages, up to 262,144.</param>
/// <param name="Offset">Where the bytes begin, from the end of the directory.</param>
/// <param name="Length">Bytes of this part, at least 1.</param>
public readonly record struct PayloadEntry(uint Stream, ulong Chunk, Codec Codec, int Part, bool More, int RawLength, int Offset, int Length)
{
    private const byte MoreFlag = 0x80;

    internal void WriteTo(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, Stream);
        BinaryPrimitives.WriteUInt64BigEndian(into[4..], Chunk);
        into[12] = (byte)Codec;
        into[13] = (byte)(Part | (More ? MoreFlag : 0));
        WriteUInt24(into[14..], RawLength);
        WriteUInt24(into[17..], Offset);
        WriteUInt24(into[20..], Length);
        into[23] = 0;
    }

    internal static bool TryRead(ReadOnlySpan<byte> from, out PayloadEntry entry)
    {
        entry = new PayloadEntry(BinaryPrimitives.ReadUInt32BigEndian(from), BinaryPrimitives.ReadUInt64BigEndian(from[4..]), (Codec)from[12],
            from[13] & ~MoreFlag, (from[13] & MoreFlag) != 0, ReadUInt24(from[14..]), ReadUInt24(from[17..]), ReadUInt24(from[20..]));
        return from[23] == 0 && entry.Codec is >= Codec.Raw and <= Codec.Group && entry.Length > 0
            && entry.RawLength > 0 && entry.RawLength <= (entry.Codec == Codec.Group ? FormatLimits.GroupBytesMax : FormatLimits.ChunkBytes);
    }

    private static void WriteUInt24(Span<byte> into, int value)
    {
        into[0] = (byte)(value >> 16);
        into[1] = (byte)(value >> 8 & 0xFF);
        into[2] = (byte)(value & 0xFF);
    }

    private static int ReadUInt24(ReadOnlySpan<byte> from) => from[0] << 16 | from[1] << 8 | from[2];
}
