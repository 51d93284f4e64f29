using System.Text;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Bytes for tests, the same in every run.</summary>
internal static class Data
{
    internal static byte[] Random(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Words: what zstd makes about a third of.</summary>
    internal static byte[] Text(int seed, int length)
    {
        var random = new Random(seed);
        var text = new StringBuilder(length + 16);
        while (text.Length < length)
            text.Append((char)('a' + random.Next(26)), 1 + random.Next(3)).Append("the session of a pod "[..(1 + random.Next(20))]);
        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    /// <summary>A file of this length with pages of random bytes at these offsets, and holes elsewhere.</summary>
    internal static void WriteSparse(string path, long length, params long[] offsets)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        RandomAccess.SetLength(file, length);
        foreach (long offset in offsets)
            RandomAccess.Write(file, Random((int)(offset >> 12), (int)Math.Min(4096, length - offset)), offset);
    }

    internal static void WriteAt(string path, long offset, ReadOnlySpan<byte> bytes)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.Write(file, bytes, offset);
    }

    internal static void PunchHole(string path, long offset, long length)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        Assert.True(Libc.TryPunchHole(file, offset, length), "this file system has no holes");
    }
}
