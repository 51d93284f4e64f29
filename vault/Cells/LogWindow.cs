using Microsoft.Win32.SafeHandles;

namespace VmPod.Vault.Cells;

/// <summary>Reads short pieces of a file in rising order out of one large read: a walk over 20,000 frames is some hundred calls, not 40,000.</summary>
internal sealed class LogWindow(SafeFileHandle file, long end)
{
    private readonly byte[] buffer = new byte[256 * 1024];
    private long start;
    private int length;

    /// <summary>The bytes at an offset, fewer where the log ends. Valid until the next call.</summary>
    internal ReadOnlySpan<byte> At(long offset, int count)
    {
        count = (int)Math.Max(0, Math.Min(Math.Min(count, buffer.Length), end - offset));
        if (offset < start || offset + count > start + length)
        {
            start = offset;
            length = StoreDisk.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, end - offset)), offset);
        }
        int from = (int)(offset - start);
        return buffer.AsSpan(from, Math.Min(count, length - from));
    }
}
