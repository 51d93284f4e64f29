using System.Buffers.Binary;
using System.Numerics;

namespace VmPod.Vault.Cells;

/// <summary>
/// The bytes of one bucket: crc32c u32be over the bucket's number and the rest, count u16be, 10 zero bytes, then up to 31 entries of
/// { first 12 bytes of the id, position u32be }. One sector, so that a torn write shows.
/// </summary>
internal static class IndexBucket
{
    internal const int Size = 512;
    internal const int Entries = 31;
    private const int HeaderSize = 16;
    private const int EntrySize = 16;

    internal static int Count(ReadOnlySpan<byte> page) => BinaryPrimitives.ReadUInt16BigEndian(page[4..]);

    internal static uint Position(ReadOnlySpan<byte> page, int entry) =>
        BinaryPrimitives.ReadUInt32BigEndian(page[(HeaderSize + entry * EntrySize + 12)..]);

    internal static (ulong High, uint Low) Prefix(ReadOnlySpan<byte> page, int entry)
    {
        var bytes = page[(HeaderSize + entry * EntrySize)..];
        return (BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));
    }

    internal static void SetPosition(Span<byte> page, int entry, uint position) =>
        BinaryPrimitives.WriteUInt32BigEndian(page[(HeaderSize + entry * EntrySize + 12)..], position);

    internal static void Add(Span<byte> page, (ulong High, uint Low) prefix, uint position)
    {
        int count = Count(page);
        var bytes = page[(HeaderSize + count * EntrySize)..];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, prefix.High);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[8..], prefix.Low);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[12..], position);
        BinaryPrimitives.WriteUInt16BigEndian(page[4..], (ushort)(count + 1));
    }

    internal static void Seal(uint bucket, Span<byte> page) => BinaryPrimitives.WriteUInt32BigEndian(page, Checksum(bucket, page));

    /// <summary>Whether these are a bucket's bytes, and this bucket's. An all-zero page is not: zeros are what a lost write
    /// leaves.</summary>
    internal static bool IsSound(uint bucket, ReadOnlySpan<byte> page) =>
        BinaryPrimitives.ReadUInt32BigEndian(page) == Checksum(bucket, page) && Count(page) <= Entries;

    internal static uint Checksum(uint seed, ReadOnlySpan<byte> page)
    {
        uint crc = BitOperations.Crc32C(uint.MaxValue, seed);
        crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt32LittleEndian(page[4..]));
        for (int at = 8; at < Size; at += 8)
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(page[at..]));
        return ~crc;
    }
}
