using System.Diagnostics;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Compares folders as a careful person would: names, kinds, lengths, modes, times, every byte, and the disk space that files take.</summary>
internal static class FolderTree
{
    private const int WindowBytes = 1 << 20;

    internal static void AssertSame(string expected, string actual)
    {
        Assert.Equal(Names(expected), Names(actual));
        foreach (string name in Names(expected))
        {
            FileSystemInfo e = InfoOf(expected, name), a = InfoOf(actual, name);
            Assert.True(e.GetType() == a.GetType(), $"{name} is a {a.GetType().Name}");
            Assert.True(e.UnixFileMode == a.UnixFileMode, $"{name} has mode {a.UnixFileMode}, not {e.UnixFileMode}");
            Assert.True(e.LastWriteTimeUtc == a.LastWriteTimeUtc, $"{name} has time {a.LastWriteTimeUtc:O}, not {e.LastWriteTimeUtc:O}");
            if (e is not FileInfo file)
                continue;
            AssertSameBytes(file.FullName, a.FullName);
            // ext4 rounds up to a block, and keeps extents of its own for large sparse files.
            long most = BlockBytes(file.FullName) + 128 * 1024;
            Assert.True(BlockBytes(a.FullName) <= most, $"{name} takes {BlockBytes(a.FullName)} bytes of disk, not at most {most}");
        }
    }

    internal static void AssertSameBytes(string expected, string actual)
    {
        using SafeFileHandle e = File.OpenHandle(expected), a = File.OpenHandle(actual);
        Assert.True(RandomAccess.GetLength(e) == RandomAccess.GetLength(a), $"{actual} has {RandomAccess.GetLength(a)} bytes, not {RandomAccess.GetLength(e)}");
        byte[] one = new byte[WindowBytes], two = new byte[WindowBytes];
        foreach (SafeFileHandle side in new[] { e, a })
        {
            // Where one of them has data, both are read: a hole reads as zeros.
            for (long at = 0; Libc.NextData(side, at) is { } data; at = data.End)
            {
                for (long offset = data.Start; offset < data.End; offset += WindowBytes)
                {
                    int length = (int)Math.Min(WindowBytes, data.End - offset);
                    ReadFully(e, one.AsSpan(0, length), offset);
                    ReadFully(a, two.AsSpan(0, length), offset);
                    int same = one.AsSpan(0, length).CommonPrefixLength(two.AsSpan(0, length));
                    Assert.True(same == length, $"{actual} differs from {expected} at byte {offset + same}");
                }
            }
        }
    }

    internal static long BlockBytes(string path) => 512 * long.Parse(Run("stat", "-c", "%b", path), CultureInfo.InvariantCulture);

    internal static IReadOnlyList<string> Names(string folder) => [.. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
        .Select(p => Path.GetRelativePath(folder, p)).Order(StringComparer.Ordinal)];

    /// <summary>Runs a program of the system to its end, and returns what it printed.</summary>
    internal static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} failed: {errors.Result}");
        return output;
    }

    private static FileSystemInfo InfoOf(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
    }

    private static void ReadFully(SafeFileHandle file, Span<byte> into, long offset)
    {
        while (into.Length > 0)
        {
            int n = RandomAccess.Read(file, into, offset);
            Assert.True(n > 0, "a file ended early");
            into = into[n..];
            offset += n;
        }
    }
}
