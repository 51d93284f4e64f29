using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Vault.Sessions;

/// <summary>
/// v1/logindex: the marks of the log up to a place, so that no opening reads the log from its beginning. A cache, as v1/index is (V-58): what it says is
/// looked up in the log before it is believed, what it does not say is looked for there; it may be deleted, torn, or of another vault.
/// </summary>
/// <remarks>Layout: "VPL1", 0 (4 bytes), vault id 16, bytes of the log covered u64, marks u64; then the marks. Never synced.</remarks>
internal sealed class LogIndexFile(string path, UInt128 vaultId)
{
    private const int HeaderBytes = 40;

    private static ReadOnlySpan<byte> Magic => "VPL1\0\0\0\0"u8;

    /// <summary>What the file holds: its marks, and up to where in the log they go. Nothing, up to 0, if it cannot be used.</summary>
    /// <param name="logBytes">Bytes of the log: a file that covers more is of another one.</param>
    public (LogMark[] Marks, long Covered) Load(long logBytes)
    {
        try
        {
            using SafeFileHandle? file = Libc.OpenFile(path, write: false, create: false);
            if (file is null || ReadHeader(file) is not { } header || header.Covered > logBytes)
                return ([], 0);
            byte[] bytes = new byte[(int)(header.Count * LogMark.Size)];
            if (Read(file, bytes, HeaderBytes) < bytes.Length)
                return ([], 0);
            var marks = new LogMark[header.Count];
            for (int i = 0; i < marks.Length; i++)
                marks[i] = LogMark.ReadFrom(bytes.AsSpan(i * LogMark.Size));
            return marks.All(m => m.Offset >= 0) ? (marks, header.Covered) : ([], 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ([], 0);
        }
    }

    /// <summary>Adds the marks after the first <paramref name="known"/>, which the file has. What cannot be written is found in the log next time.</summary>
    public void Save(ReadOnlySpan<LogMark> marks, int known, long covered)
    {
        try
        {
            using SafeFileHandle file = Libc.OpenFile(path, write: true, create: true)!;
            byte[] header = new byte[HeaderBytes], added = new byte[(marks.Length - known) * LogMark.Size];
            for (int i = known; i < marks.Length; i++)
                marks[i].WriteTo(added.AsSpan((i - known) * LogMark.Size));
            RandomAccess.Write(file, added, HeaderBytes + (long)known * LogMark.Size);
            Magic.CopyTo(header);
            BinaryPrimitives.WriteUInt128BigEndian(header.AsSpan(8), vaultId);
            BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(24), covered);
            BinaryPrimitives.WriteInt64BigEndian(header.AsSpan(32), marks.Length);
            RandomAccess.Write(file, header, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full or failing disk: the log itself says so where it matters.
        }
    }

    private (long Covered, long Count)? ReadHeader(SafeFileHandle file)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (Read(file, header, 0) < HeaderBytes || !header.StartsWith(Magic) || BinaryPrimitives.ReadUInt128BigEndian(header[8..]) != vaultId)
            return null;
        long covered = BinaryPrimitives.ReadInt64BigEndian(header[24..]), count = BinaryPrimitives.ReadInt64BigEndian(header[32..]);
        // A count that the file is too short for is not believed before memory is taken for it.
        return covered >= 0 && count >= 0 && count <= Math.Min(RandomAccess.GetLength(file), int.MaxValue) / LogMark.Size ? (covered, count) : null;
    }

    private static int Read(SafeFileHandle file, Span<byte> into, long offset)
    {
        int filled = 0;
        while (filled < into.Length && RandomAccess.Read(file, into[filled..], offset + filled) is > 0 and int read)
            filled += read;
        return filled;
    }
}
