using System.Buffers.Binary;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Walking the committed log past what is damaged in it.</summary>
public sealed partial class CellStore
{
    // Of a HEAD (V-48): magic and vault id, then the two fields that tie it to its place.
    private const int HeadNameBytes = 20, HeadEntriesOffset = 44, HeadLogBytesOffset = 52, HeadPrefixBytes = 60;

    // A group has a few entries. More without a HEAD between them is a walk that lost its way.
    private const int GroupEntriesMax = 4096;

    /// <summary>
    /// The log from the beginning of a group on, commit by commit. A damaged frame loses the group that it stands in and no other: the walk goes on behind
    /// the next HEAD that names its own place. Nothing here is authenticated: it says where to look.
    /// </summary>
    /// <param name="from">0, or <see cref="LogGroup.Next"/> of a group.</param>
    public IEnumerable<LogGroup> WalkLog(long from)
    {
        Check();
        long end = _state.LogBytes;
        var window = new LogWindow(_log, end);
        // Unknown after a damaged group, and at the beginning of a walk that does not begin at 0.
        long? before = from == 0 ? 0 : null;
        for (long start = from; start < end;)
        {
            Check();
            var entries = new List<LogFrame>();
            long? head = WalkGroup(window, start, end, before, entries);
            long place = head ?? FindHead(window, start, end);
            if (head is null)
                entries.RemoveAll(e => e.Header.Next > place);
            long next = place < end ? ReadFrame(window, place, end)!.Value.Next : end;
            before = place < end ? EntriesBefore(window, place) + 1 : null;
            yield return new LogGroup(start, next, entries, head is null);
            start = next;
        }
    }

    // The offset of the HEAD that ends the group; null if the frames do not lead to it.
    private long? WalkGroup(LogWindow window, long start, long end, long? entriesBefore, List<LogFrame> entries)
    {
        for (long offset = start; entries.Count <= GroupEntriesMax && ReadFrame(window, offset, end) is { } frame; offset = frame.Next)
        {
            if (IsHead(window, offset))
                return entriesBefore is null || EntriesBefore(window, offset) == entriesBefore + entries.Count ? offset : null;
            entries.Add(new LogFrame(frame, window.At(offset + StoreLimits.EntryHeaderBytes, Math.Min(frame.Bytes, LogFrame.PrefixBytes)).ToArray()));
        }
        return null;
    }

    private static LogEntryHeader? ReadFrame(LogWindow window, long offset, long end)
    {
        ReadOnlySpan<byte> header = window.At(offset, StoreLimits.EntryHeaderBytes);
        if (header.Length < StoreLimits.EntryHeaderBytes)
            return null;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header);
        return length <= StoreLimits.EntryBytesMax && length <= end - offset - header.Length ? new(offset, header[4], (int)length) : null;
    }

    // The first such HEAD at or after an offset; the end of the log if there is none.
    private long FindHead(LogWindow window, long from, long end)
    {
        const int step = 64 * 1024;
        Span<byte> name = stackalloc byte[HeadNameBytes];
        WriteHeadName(name);
        for (long at = from; at < end; at += step)
        {
            // Overlapping by the name, which may lie across two steps.
            for (int skip = 0; window.At(at, step + HeadNameBytes - 1)[skip..].IndexOf(name) is >= 0 and int found; skip += found + 1)
            {
                long offset = at + skip + found - StoreLimits.EntryHeaderBytes;
                if (offset >= from && ReadFrame(window, offset, end) is not null && IsHead(window, offset))
                    return offset;
            }
        }
        return end;
    }

    private bool IsHead(LogWindow window, long offset)
    {
        Span<byte> name = stackalloc byte[HeadNameBytes];
        WriteHeadName(name);
        ReadOnlySpan<byte> frame = window.At(offset, StoreLimits.EntryHeaderBytes + HeadPrefixBytes);
        return frame.Length == StoreLimits.EntryHeaderBytes + HeadPrefixBytes && frame[4] == HeadRecord.EntryType
            && frame[StoreLimits.EntryHeaderBytes..].StartsWith(name)
            && BinaryPrimitives.ReadUInt64BigEndian(frame[(StoreLimits.EntryHeaderBytes + HeadLogBytesOffset)..]) == (ulong)offset;
    }

    private void WriteHeadName(Span<byte> name)
    {
        "VPH1"u8.CopyTo(name);
        BinaryPrimitives.WriteUInt128BigEndian(name[4..], Descriptor.VaultId);
    }

    // Below 2^62, whatever stands there: it is only compared.
    private static long EntriesBefore(LogWindow window, long head) => (long)(BinaryPrimitives.ReadUInt64BigEndian(
        window.At(head + StoreLimits.EntryHeaderBytes + HeadEntriesOffset, sizeof(ulong))) & ulong.MaxValue >> 2);
}
