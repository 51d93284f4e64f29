using System.Buffers.Binary;
using VmPod.HostGuard.Mount;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>A file of any size whose 8-byte words hold their own offset times an odd constant: what is read anywhere can be checked, and
/// nothing is stored.</summary>
internal sealed class PatternFile(string name, long size, MountedFileKind kind = MountedFileKind.Memory)
    : MountedFile(name, size, kind, writable: false)
{
    public override void Read(long offset, Span<byte> into) => Fill(offset, into);

    public override void Write(long offset, ReadOnlySpan<byte> data) => throw new InvalidOperationException("Not writable.");

    internal static byte[] Expected(long offset, int length)
    {
        var bytes = new byte[length];
        Fill(offset, bytes);
        return bytes;
    }

    private static void Fill(long offset, Span<byte> into)
    {
        Span<byte> word = stackalloc byte[8];
        int at = 0;
        while (at < into.Length)
        {
            long position = offset + at;
            int within = (int)(position & 7);
            BinaryPrimitives.WriteUInt64LittleEndian(word, unchecked((ulong)(position >> 3) * 0x9E3779B97F4A7C15));
            int part = Math.Min(8 - within, into.Length - at);
            word.Slice(within, part).CopyTo(into[at..]);
            at += part;
        }
    }
}
