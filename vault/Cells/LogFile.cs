using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Reads frames { length u32be, type u8, payload } of v1/log. Every length is checked against the end before anything is
/// allocated.</summary>
internal static class LogFile
{
    private const int BufferBytes = 256 * 1024;

    /// <summary>The frame at an offset; null if no whole frame stands there before <paramref name="end"/>.</summary>
    internal static LogEntryHeader? TryReadHeader(SafeFileHandle log, long offset, long end)
    {
        Span<byte> header = stackalloc byte[StoreLimits.EntryHeaderBytes];
        if (offset < 0 || offset > end - header.Length || StoreDisk.Read(log, header, offset) != header.Length)
            return null;
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header);
        return length <= StoreLimits.EntryBytesMax && length <= end - offset - header.Length ? new(offset, header[4], (int)length) : null;
    }

    /// <exception cref="VmPodException">Damaged: no whole frame stands there.</exception>
    internal static LogEntryHeader ReadHeader(SafeFileHandle log, long offset, long end) =>
        TryReadHeader(log, offset, end) ?? throw Damaged(offset);

    /// <summary>Part of a payload; the number of bytes read.</summary>
    internal static int ReadPayload(SafeFileHandle log, LogEntryHeader entry, int from, Span<byte> bytes)
    {
        int count = Math.Max(0, Math.Min(bytes.Length, entry.Bytes - from));
        if (StoreDisk.Read(log, bytes[..count], entry.Offset + StoreLimits.EntryHeaderBytes + from) != count)
            throw Damaged(entry.Offset);
        return count;
    }

    /// <summary>The hash of an entry, without holding its payload.</summary>
    internal static Digest Hash(SafeFileHandle log, LogEntryHeader entry)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData([DomainHash.Leaf, entry.Type]);
        var buffer = ArrayPool<byte>.Shared.Rent(Math.Min(BufferBytes, Math.Max(1, entry.Bytes)));
        try
        {
            for (int from = 0; from < entry.Bytes;)
            {
                int read = ReadPayload(log, entry, from, buffer);
                hash.AppendData(buffer.AsSpan(0, read));
                from += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        return Digest.ReadFrom(hash.GetHashAndReset());
    }

    /// <summary>Writes frames one after the other, small ones together; the caller knows where they end.</summary>
    internal static void Append(StoreDisk disk, SafeFileHandle log, long offset, IEnumerable<PendingEntry> entries)
    {
        var buffer = new ArrayBufferWriter<byte>();
        foreach (var entry in entries)
        {
            var header = buffer.GetSpan(StoreLimits.EntryHeaderBytes);
            BinaryPrimitives.WriteUInt32BigEndian(header, (uint)entry.Payload.Length);
            header[4] = entry.Type;
            buffer.Advance(StoreLimits.EntryHeaderBytes);
            if (entry.Payload.Length <= BufferBytes)
            {
                buffer.Write(entry.Payload.Span);
                if (buffer.WrittenCount < BufferBytes)
                    continue;
            }
            disk.Write(log, StoreNames.Log, buffer.WrittenSpan, offset);
            offset += buffer.WrittenCount;
            buffer.ResetWrittenCount();
            if (entry.Payload.Length > BufferBytes)
            {
                disk.Write(log, StoreNames.Log, entry.Payload.Span, offset);
                offset += entry.Payload.Length;
            }
        }
        if (buffer.WrittenCount > 0)
            disk.Write(log, StoreNames.Log, buffer.WrittenSpan, offset);
    }

    internal static VmPodException Damaged(long offset) => new(ExitCode.Damaged, $"The vault's log is damaged at byte {offset}.",
        "Run verify to see what is damaged, then restore the pod from a mirror or a backup.");
}
