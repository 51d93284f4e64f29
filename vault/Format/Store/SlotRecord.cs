using System.Security.Cryptography;

namespace VmPod.Vault.Format.Store;

/// <summary>
/// One of the two local slots "VPS1" (4 KiB): which head counts on this disk, and how long log and segments were when it was written
/// (V-52).
/// </summary>
public sealed record SlotRecord
{
    private const int HashOffset = StoreLimits.SlotBytes - Digest.Size;

    /// <summary>The head's number; the slot stands at place (seq mod 2).</summary>
    public required ulong Seq { get; init; }

    /// <summary>Bytes of the log, its newest HEAD entry included.</summary>
    public required long LogBytes { get; init; }

    /// <summary>Entries of the log, its newest HEAD entry included.</summary>
    public required long LogEntries { get; init; }

    /// <summary>Byte offset of the newest HEAD entry.</summary>
    public required long HeadOffset { get; init; }

    /// <summary>Bytes of its payload.</summary>
    public required int HeadBytes { get; init; }

    /// <summary>Its entry hash (V-46).</summary>
    public required Digest HeadHash { get; init; }

    /// <summary>Cells of the vault: full segments times 1,024, plus the cells of the last one.</summary>
    public required long Cells { get; init; }

    /// <summary>The hash of this disk's map of freed positions (V-161); zero if nothing was freed.</summary>
    public Digest FreeMap { get; init; }

    /// <summary>Whether these 4 KiB were never written: all zero.</summary>
    public static bool IsEmpty(ReadOnlySpan<byte> slot) => !slot.ContainsAnyExcept((byte)0);

    /// <summary>The one encoding.</summary>
    public byte[] Encode()
    {
        var bytes = new byte[StoreLimits.SlotBytes];
        new ByteWriter().Bytes("VPS1"u8).UInt64(Seq).UInt64((ulong)LogBytes).UInt64((ulong)LogEntries).UInt64((ulong)HeadOffset).UInt32((uint)HeadBytes)
            .Hash(HeadHash).UInt32((uint)(Cells / StoreLimits.SegmentCells))
            .UInt32((uint)(Cells % StoreLimits.SegmentCells)).Hash(FreeMap).Written.CopyTo(bytes);
        SHA256.HashData(bytes.AsSpan(0, HashOffset), bytes.AsSpan(HashOffset));
        return bytes;
    }

    /// <summary>Reads a slot; false unless it is exactly what <see cref="Encode"/> writes for its place.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, int place, out SlotRecord? slot)
    {
        slot = null;
        Span<byte> hash = stackalloc byte[Digest.Size];
        if (bytes.Length != StoreLimits.SlotBytes || !bytes.StartsWith("VPS1"u8))
            return false;
        SHA256.HashData(bytes[..HashOffset], hash);
        if (!hash.SequenceEqual(bytes[HashOffset..]))
            return false;
        var reader = new ByteReader(bytes[4..]);
        ulong seq = reader.UInt64();
        ulong logBytes = reader.UInt64(), logEntries = reader.UInt64(), headOffset = reader.UInt64();
        uint headBytes = reader.UInt32();
        var headHash = reader.Hash();
        uint full = reader.UInt32(), last = reader.UInt32();
        var freeMap = reader.Hash();
        bool sound = seq > 0 && (int)(seq % 2) == place
            && logBytes <= long.MaxValue && logEntries is > 0 and <= long.MaxValue && headBytes <= StoreLimits.HeadBytesMax
            && headOffset < logBytes && logBytes - headOffset == StoreLimits.EntryHeaderBytes + headBytes
            && full <= StoreLimits.SegmentsMax && last < StoreLimits.SegmentCells
            && IsEmpty(reader.Bytes(reader.Remaining - Digest.Size));
        if (!sound)
            return false;
        slot = new SlotRecord
        {
            Seq = seq,
            LogBytes = (long)logBytes,
            LogEntries = (long)logEntries,
            HeadOffset = (long)headOffset,
            HeadBytes = (int)headBytes,
            HeadHash = headHash,
            Cells = (long)full * StoreLimits.SegmentCells + last,
            FreeMap = freeMap,
        };
        return true;
    }
}
