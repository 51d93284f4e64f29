using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots;

/// <summary>A file that is a stream as it is, byte for byte; its holes are not read.</summary>
internal sealed class FileSource : ChunkSource
{
    private readonly SafeFileHandle handle;
    private readonly string path;
    private readonly List<(long First, long End)> ranges = [];

    /// <summary>Opens the file and asks for its holes.</summary>
    public FileSource(SnapshotFile file, StreamInfo stream)
        : base(stream)
    {
        path = file.Path;
        handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.SequentialScan);
        for (long offset = 0; offset < stream.Length;)
        {
            if (Libc.NextData(handle, offset) is not { } data)
                break;
            offset = Math.Min(data.End, stream.Length);
            long first = data.Start / FormatLimits.ChunkBytes, end = (offset + FormatLimits.ChunkBytes - 1) / FormatLimits.ChunkBytes;
            if (ranges.Count > 0 && ranges[^1].End >= first)
                ranges[^1] = (ranges[^1].First, Math.Max(end, ranges[^1].End));
            else if (data.Start < stream.Length)
                ranges.Add((first, end));
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(long First, long End)> ChunkRanges => ranges;

    /// <inheritdoc/>
    public override void ReadAt(long offset, Span<byte> into)
    {
        while (into.Length > 0)
        {
            int n = RandomAccess.Read(handle, into, offset);
            if (n == 0)
                throw Changed();
            into = into[n..];
            offset += n;
        }
    }

    /// <inheritdoc/>
    public override void CheckUnchanged()
    {
        if (RandomAccess.GetLength(handle) != Stream.Length)
            throw Changed();
    }

    /// <inheritdoc/>
    public override void Dispose() => handle.Dispose();

    private VmPodException Changed() =>
        new(ExitCode.Usage, $"{path} changed its length while it was read: nothing was put.", "Stop what writes to it, then put again.");
}
