using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots.Containers;

namespace VmPod.Vault.Snapshots;

/// <summary>Gets a generation's files back, byte-exact and sparse.</summary>
public static class SnapshotReader
{
    private const int ChunksInBatch = 64;

    /// <summary>What a get did.</summary>
    /// <param name="Files">Files written.</param>
    /// <param name="BytesWritten">Bytes of data written; holes are not.</param>
    /// <param name="Elapsed">Time, fsync included.</param>
    public sealed record Summary(int Files, long BytesWritten, TimeSpan Elapsed);

    /// <summary>
    /// Writes all files of the generation into a new or empty folder. Everything is fsynced before this returns. If it fails or is
    /// cancelled, what it wrote is
    /// removed.
    /// </summary>
    /// <exception cref="VmPodException">The folder holds something (2), damaged cells (5), no space (8).</exception>
    public static Summary Get(SessionReader session, string folder, IProgress<TransferProgress>? progress, CancellationToken cancel) =>
        IntoNewFolder(folder, () => Write(session, folder, progress, cancel));

    /// <summary>Makes the folder, or takes an empty one, and removes what was written if that fails.</summary>
    internal static TSummary IntoNewFolder<TSummary>(string folder, Func<TSummary> write)
    {
        bool existed = Directory.Exists(folder);
        if (File.Exists(folder) || (existed && Directory.EnumerateFileSystemEntries(folder).Any()))
            throw new VmPodException(ExitCode.Usage, $"{folder} is there already and is not an empty folder.", "Name a new folder.");
        Directory.CreateDirectory(folder);
        try
        {
            return write();
        }
        catch (Exception e)
        {
            Remove(folder, keepFolder: existed);
            if (e is IOException io && Libc.IsNoSpace(io))
                throw new VmPodException(ExitCode.NoSpace, "There is no space left for the files.",
                    "Free some, or name a folder on another disk. What was written is removed.", e);
            throw;
        }
    }

    private static Summary Write(SessionReader session, string folder, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        List<(StreamInfo Stream, long[] Chunks)> files = [];
        List<StreamInfo> containers = [];
        foreach (StreamInfo stream in session.Streams)
        {
            if (stream.Kind == StreamKind.Folder)
                Directory.CreateDirectory(Path.Combine(folder, stream.Name));
            else if (stream.Kind == StreamKind.Container)
                containers.Add(stream);
            else if (!ContainerReader.IsInner(session, stream))
                files.Add((stream, [.. session.Chunks(stream)]));
        }
        long total = files.Sum(f => f.Chunks.Sum(c => (long)f.Stream.ChunkLength(c))) + containers.Sum(c => ContainerReader.DataBytes(session, c)), written = 0;
        using var restored = new RestoredPages(session);
        foreach ((StreamInfo stream, long[] chunks) in files.OrderBy(f => f.Stream.Kind == StreamKind.Memory))
        {
            using SafeFileHandle file = Create(folder, stream.Name, stream.Length);
            int batches = (chunks.Length + ChunksInBatch - 1) / ChunksInBatch;
            var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount) };
            try
            {
                Parallel.For(0, batches, options, () => new LockedMemory((long)ChunksInBatch * FormatLimits.ChunkBytes), (batch, _, memory) =>
                {
                    long bytes = WriteBatch(session, stream, chunks.AsSpan(batch * ChunksInBatch, Math.Min(ChunksInBatch,
                        chunks.Length - batch * ChunksInBatch)), memory, file, restored);
                    long now = Interlocked.Add(ref written, bytes);
                    progress?.Report(new TransferProgress(now, total, now, watch.Elapsed));
                    return memory;
                }, memory => memory.Dispose());
            }
            catch (AggregateException e)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
            }
            Libc.Fsync(file);
            restored.Add(stream, Path.Combine(folder, stream.Name));
        }
        foreach (StreamInfo stream in containers)
        {
            ContainerReader reader = ContainerReader.Open(session, stream);
            using SafeFileHandle file = Create(folder, stream.Name, reader.FileBytes);
            reader.Write(file, bytes =>
            {
                long now = Interlocked.Add(ref written, bytes);
                progress?.Report(new TransferProgress(now, Math.Max(now, total), now, watch.Elapsed));
            }, cancel);
            Libc.Fsync(file);
        }
        // Times and modes last, what is in a folder before the folder: writing into it would change its own.
        foreach (StreamInfo stream in session.Streams.Where(s => !ContainerReader.IsInner(session, s)).OrderByDescending(s => s.Name, StringComparer.Ordinal))
            Restore(Path.Combine(folder, stream.Name), stream);
        foreach (string inner in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories).Append(folder))
            Libc.FsyncDirectory(inner);
        return new Summary(files.Count + containers.Count, written, watch.Elapsed);
    }

    internal static SafeFileHandle Create(string folder, string name, long length)
    {
        string path = Path.Combine(folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        SafeFileHandle file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        Libc.SetLength(file, length);
        return file;
    }

    // Neighbouring chunks go out in one write; pages of zeros at the ends of a run stay holes.
    private static long WriteBatch(SessionReader session, StreamInfo stream, ReadOnlySpan<long> chunks, LockedMemory memory, SafeFileHandle file,
        RestoredPages restored)
    {
        long bytes = 0;
        for (int i = 0; i < chunks.Length;)
        {
            int run = 1;
            while (i + run < chunks.Length && chunks[i + run] == chunks[i] + run)
                run++;
            int length = 0;
            for (int k = 0; k < run; k++)
            {
                int chunkLength = stream.ChunkLength(chunks[i + k]);
                session.ReadChunk(stream, chunks[i + k], memory.Slice(length, chunkLength), restored);
                length += chunkLength;
            }
            WriteSparse(file, memory.Slice(0, length), chunks[i] * FormatLimits.ChunkBytes);
            bytes += length;
            i += run;
        }
        // The disk writes while the next chunks are decoded: the fsync at the end has little left to wait for.
        long start = chunks[0] * FormatLimits.ChunkBytes;
        Libc.BeginWriteback(file, start, (chunks[^1] + 1) * FormatLimits.ChunkBytes - start);
        return bytes;
    }

    internal static void WriteSparse(SafeFileHandle file, ReadOnlySpan<byte> data, long offset)
    {
        for (int at = 0; at < data.Length;)
        {
            int end = at;
            while (end < data.Length && !IsZeroPage(data, end))
                end = Math.Min(end + FormatLimits.PageBytes, data.Length);
            if (end > at)
                Libc.Write(file, data[at..end], offset + at);
            at = end;
            while (at < data.Length && IsZeroPage(data, at))
                at = Math.Min(at + FormatLimits.PageBytes, data.Length);
        }
    }

    private static bool IsZeroPage(ReadOnlySpan<byte> data, int at) =>
        data.Slice(at, Math.Min(FormatLimits.PageBytes, data.Length - at)).IndexOfAnyExcept((byte)0) < 0;

    internal static void Restore(string path, StreamInfo stream)
    {
        // A file may have mode 000; a machine's streams have none.
        if (stream.Kind is StreamKind.File or StreamKind.Folder or StreamKind.Container || stream.Mode != 0)
            File.SetUnixFileMode(path, (UnixFileMode)(stream.Mode & 0xFFF));
        if (stream.ModifiedNs == 0)
            return;
        DateTime modified = DateTime.UnixEpoch.AddTicks(stream.ModifiedNs / 100);
        if (stream.Kind == StreamKind.Folder)
            Directory.SetLastWriteTimeUtc(path, modified);
        else
            File.SetLastWriteTimeUtc(path, modified);
    }

    private static void Remove(string folder, bool keepFolder)
    {
        foreach (string file in Directory.EnumerateFiles(folder))
            File.Delete(file);
        foreach (string inner in Directory.EnumerateDirectories(folder))
            Directory.Delete(inner, recursive: true);
        if (!keepFolder)
            Directory.Delete(folder);
    }
}
