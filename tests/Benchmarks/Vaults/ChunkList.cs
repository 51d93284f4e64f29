using Microsoft.Win32.SafeHandles;
using VmPod.Benchmarks.Data;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Vaults;

/// <summary>The chunks of a folder's files that are not all zero.</summary>
internal sealed class ChunkList
{
    private readonly List<string> files = [];

    /// <summary>File and number of each.</summary>
    public List<(int File, long Chunk, int Length)> Chunks { get; } = [];

    /// <summary>Bytes of all.</summary>
    public long Bytes => Chunks.Sum(c => (long)c.Length);

    /// <summary>Those of a folder.</summary>
    public static ChunkList Of(string folder)
    {
        var list = new ChunkList();
        foreach (string path in DataFile.Files(folder))
        {
            int file = list.files.Count;
            long length = new FileInfo(path).Length;
            list.files.Add(path);
            var chunks = new SortedSet<long>();
            DataFile.Read(path, (offset, data) =>
            {
                for (int at = 0; at < data.Length;)
                {
                    int take = (int)Math.Min(data.Length - at, FormatLimits.ChunkBytes - (offset + at) % FormatLimits.ChunkBytes);
                    if (data.Slice(at, take).ContainsAnyExcept((byte)0))
                        chunks.Add((offset + at) / FormatLimits.ChunkBytes);
                    at += take;
                }
            });
            list.Chunks.AddRange(chunks.Select(c => (file, c, (int)Math.Min(FormatLimits.ChunkBytes, length - c * FormatLimits.ChunkBytes))));
        }
        return list;
    }

    /// <summary>Opens the files. One for each thread.</summary>
    public Reader Open() => new(this);

    /// <summary>Reads chunks.</summary>
    internal sealed class Reader(ChunkList list) : IDisposable
    {
        private readonly SafeFileHandle[] handles = [.. list.files.Select(f => File.OpenHandle(f))];

        /// <summary>Chunk <paramref name="i"/> of the list.</summary>
        public ReadOnlySpan<byte> Read(int i, Span<byte> into)
        {
            (int file, long chunk, int length) = list.Chunks[i];
            int n = RandomAccess.Read(handles[file], into[..length], chunk * FormatLimits.ChunkBytes);
            return n == length ? into[..n] : throw new InvalidDataException("A file of the session changed.");
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            foreach (SafeFileHandle handle in handles)
                handle.Dispose();
        }
    }
}
