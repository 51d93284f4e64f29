using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Benchmarks.Data;

/// <summary>Reading files by their data, without their holes.</summary>
internal static class DataFile
{
    private const int PieceBytes = 1 << 20;

    /// <summary>What is done with a piece of data.</summary>
    public delegate void Piece(long offset, ReadOnlySpan<byte> data);

    /// <summary>Reads all data of a file in pieces of at most 1 MiB that begin at multiples of a page.</summary>
    public static void Read(string path, Piece use)
    {
        using SafeFileHandle file = File.OpenHandle(path, options: FileOptions.SequentialScan);
        byte[] buffer = new byte[PieceBytes];
        for (long at = 0; Libc.NextData(file, at) is { } range; at = range.End)
        {
            for (long offset = range.Start; offset < range.End;)
            {
                int n = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(PieceBytes, range.End - offset)), offset);
                use(offset, buffer.AsSpan(0, n));
                offset += n;
            }
        }
    }

    /// <summary>Reads all files of a folder, so that they are in the page cache.</summary>
    public static void Warm(string folder)
    {
        foreach (string file in Files(folder))
            Read(file, static (_, _) => { });
    }

    /// <summary>The files in a folder and below, in order.</summary>
    public static IEnumerable<string> Files(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    /// <summary>Bytes of all files in a folder, holes not counted.</summary>
    public static long StoredBytes(string folder)
    {
        long total = 0;
        foreach (string path in Files(folder))
        {
            using SafeFileHandle file = File.OpenHandle(path);
            for (long at = 0; Libc.NextData(file, at) is { } range; at = range.End)
                total += range.End - range.Start;
        }
        return total;
    }

    /// <summary>True if two folders have the same files with the same bytes.</summary>
    public static bool SameContent(string expected, string actual)
    {
        foreach (string path in Files(expected))
        {
            string other = Path.Join(actual, Path.GetRelativePath(expected, path));
            if (!File.Exists(other) || new FileInfo(path).Length != new FileInfo(other).Length || !SameBytes(path, other) || !SameBytes(other, path))
                return false;
        }
        return true;
    }

    // Compares where the first has data; both ways round this is the whole.
    private static bool SameBytes(string path, string other)
    {
        using SafeFileHandle second = File.OpenHandle(other);
        byte[] buffer = new byte[PieceBytes];
        bool same = true;
        Read(path, (offset, data) =>
        {
            int n = RandomAccess.Read(second, buffer.AsSpan(0, data.Length), offset);
            same &= data.SequenceEqual(buffer.AsSpan(0, n));
        });
        return same;
    }
}
