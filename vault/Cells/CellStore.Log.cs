using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>Reading the committed log.</summary>
public sealed partial class CellStore
{
    /// <summary>
    /// The entry at a byte offset, with its hash. What it says counts only if that hash is one that a verified head or commit names;
    /// offsets from a signed table come with one.
    /// </summary>
    /// <exception cref="VmPodException">Damaged: no whole entry stands there.</exception>
    public LogEntry ReadEntry(long offset)
    {
        Check();
        var header = LogFile.ReadHeader(_log, offset, _state.LogBytes);
        var payload = new byte[header.Bytes];
        _ = LogFile.ReadPayload(_log, header, 0, payload);
        return new LogEntry(header, payload, DomainHash.OfEntry(header.Type, payload));
    }

    /// <summary>The entry at a byte offset, refused unless it has this hash.</summary>
    /// <exception cref="VmPodException">Damaged: no whole entry stands there, or another one.</exception>
    public LogEntry ReadEntry(long offset, Digest hash)
    {
        var entry = ReadEntry(offset);
        return entry.Hash == hash ? entry : throw LogFile.Damaged(offset);
    }

    /// <summary>Where the newest head stands.</summary>
    public HeadMark Mark => _state is { Slot: { } slot } ? new HeadMark(slot.Seq, slot.HeadOffset, slot.HeadBytes, slot.HeadHash) : HeadMark.None;

    /// <summary>Bytes of the committed log as they stand there; how many there were, fewer only at its end.</summary>
    /// <exception cref="VmPodException">Damaged: the log is shorter than it was.</exception>
    public int ReadLogBytes(long offset, Span<byte> into)
    {
        Check();
        int count = (int)Math.Clamp(_state.LogBytes - offset, 0, into.Length);
        return StoreDisk.Read(_log, into[..count], offset) == count ? count : throw LogFile.Damaged(offset);
    }

    /// <summary>The frames of the committed log from an offset on. Frames are as they stand on disk: only hashes prove them.</summary>
    /// <exception cref="VmPodException">Damaged, while enumerating: a frame does not fit.</exception>
    public IEnumerable<LogEntryHeader> EnumerateLog(long fromOffset)
    {
        Check();
        long end = _state.LogBytes;
        for (long offset = fromOffset; offset < end;)
        {
            Check();
            var header = LogFile.ReadHeader(_log, offset, end);
            yield return header;
            offset = header.Next;
        }
    }
}
