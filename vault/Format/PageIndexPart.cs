using System.Buffers.Binary;
using System.Numerics;

namespace VmPod.Vault.Format;

/// <summary>
/// A part of the page index that is kept with a session (SPEC V-153): which hashes pages of disks had, chunk by chunk. Read and written in place, because
/// hashes stay in locked memory.
/// </summary>
/// <remarks><c>{ 1 | seed 8 | number 4 }, then rows { stream 4 | chunk 4 | pages 2 | a hash 5 for each of them }</c></remarks>
public static class PageIndexPart
{
    /// <summary>Parts of an index: with the pages of eight parts, 380 MiB of them, it has 512 KiB at most.</summary>
    public const int PartsMax = 8;

    /// <summary>Bits of a hash: an index has a million entries at most, in buckets of eight; one look in some 500,000 is in vain.</summary>
    public const int HashBits = 8 * HashBytes;

    /// <summary>Bytes before the rows.</summary>
    public const int HeaderBytes = 13;

    /// <summary>Bytes of the longest row.</summary>
    public const int RowBytesMax = RowHeaderBytes + PageTable.PagesMax * HashBytes;

    private const byte Version = 1;
    private const int HashBytes = 5, RowHeaderBytes = 10;
    private const ulong ChunksMax = (ulong)(FormatLimits.StreamBytesMax / FormatLimits.ChunkBytes);

    /// <summary>Writes what stands before the rows. Returns its bytes.</summary>
    public static int WriteHeader(Span<byte> into, ulong seed, uint number)
    {
        into[0] = Version;
        BinaryPrimitives.WriteUInt64BigEndian(into[1..], seed);
        BinaryPrimitives.WriteUInt32BigEndian(into[9..], number);
        return HeaderBytes;
    }

    /// <summary>Writes the row of a chunk: a hash for each bit of <paramref name="pages"/>, which has one at least. Returns its bytes.</summary>
    public static int WriteRow(Span<byte> into, ChunkKey key, ushort pages, ReadOnlySpan<ulong> hashes)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, key.Stream);
        BinaryPrimitives.WriteUInt32BigEndian(into[4..], (uint)key.Chunk);
        BinaryPrimitives.WriteUInt16BigEndian(into[8..], pages);
        int at = RowHeaderBytes;
        foreach (ulong hash in hashes)
        {
            into[at] = (byte)(hash >> 32);
            BinaryPrimitives.WriteUInt32BigEndian(into[(at + 1)..], unchecked((uint)hash));
            at += HashBytes;
        }
        return at;
    }

    /// <summary>Told of each page of a part.</summary>
    public delegate void PageAction(ChunkKey key, int page, ulong hash);

    /// <summary>Reads what stands before the rows. False if it is not this format.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> part, out ulong seed, out uint number)
    {
        (seed, number) = (0, 0);
        if (part.Length < HeaderBytes || part[0] != Version)
            return false;
        seed = BinaryPrimitives.ReadUInt64BigEndian(part[1..]);
        number = BinaryPrimitives.ReadUInt32BigEndian(part[9..]);
        return true;
    }

    /// <summary>Reads the rows of a part. False, and perhaps after some pages, unless they are whole.</summary>
    public static bool TryReadRows(ReadOnlySpan<byte> part, PageAction action)
    {
        for (ReadOnlySpan<byte> rest = part[HeaderBytes..]; rest.Length > 0;)
        {
            if (rest.Length < RowHeaderBytes)
                return false;
            var key = new ChunkKey(BinaryPrimitives.ReadUInt32BigEndian(rest), BinaryPrimitives.ReadUInt32BigEndian(rest[4..]));
            ushort pages = BinaryPrimitives.ReadUInt16BigEndian(rest[8..]);
            int length = RowHeaderBytes + BitOperations.PopCount(pages) * HashBytes;
            if (pages == 0 || key.Stream >= InternalStream.First || key.Chunk > ChunksMax || rest.Length < length)
                return false;
            int at = RowHeaderBytes;
            for (int page = 0; page < PageTable.PagesMax; page++)
            {
                if ((pages >> page & 1) == 0)
                    continue;
                action(key, page, (ulong)rest[at] << 32 | BinaryPrimitives.ReadUInt32BigEndian(rest[(at + 1)..]));
                at += HashBytes;
            }
            rest = rest[length..];
        }
        return true;
    }
}
