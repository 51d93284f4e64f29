using System.Buffers.Binary;
using System.Security.Cryptography;
using ZstdSharp;

namespace VmPod.Benchmarks.Data;

/// <summary>
/// The least bytes that a generation can add, as DESIGN.md section 8 defines it: distinct non-zero pages of 4 KiB, disk then memory, that stand at no
/// aligned place in the generation before (memory: nor on the new disk), as one stream through zstd -3. Small files apart, each through zstd -3.
/// </summary>
internal sealed class PageFloor
{
    private const int PageBytes = 4096, Level = 3;
    private const long SmallBytesMax = 8L << 20;

    private HashSet<UInt128> before = [];

    /// <summary>The floor of the next generation.</summary>
    public (long Pages, long Small) Next(string folder)
    {
        var now = new HashSet<UInt128>();
        var counter = new CountingStream();
        long small = 0;
        using (var zstd = new CompressionStream(counter, Level))
        {
            // By name, disk.raw comes before mem.raw.
            foreach (string path in DataFile.Files(folder))
            {
                if (new FileInfo(path).Length <= SmallBytesMax)
                {
                    using var compressor = new Compressor(Level);
                    small += compressor.Wrap(File.ReadAllBytes(path)).Length;
                    continue;
                }
                DataFile.Read(path, (_, data) =>
                {
                    for (int at = 0; at < data.Length; at += PageBytes)
                        Take(data.Slice(at, Math.Min(PageBytes, data.Length - at)), now, zstd);
                });
            }
        }
        before = now;
        return (counter.Total, small);
    }

    private void Take(ReadOnlySpan<byte> page, HashSet<UInt128> now, CompressionStream zstd)
    {
        if (!page.ContainsAnyExcept((byte)0))
            return;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(page, hash);
        UInt128 key = BinaryPrimitives.ReadUInt128BigEndian(hash);
        if (now.Add(key) && !before.Contains(key))
            zstd.Write(page);
    }

    private sealed class CountingStream : Stream
    {
        public long Total { get; private set; }

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(byte[] buffer, int offset, int count) => Total += count;

        public override void Write(ReadOnlySpan<byte> buffer) => Total += buffer.Length;

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
