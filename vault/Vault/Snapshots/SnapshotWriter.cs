using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots.Containers;

namespace VmPod.Vault.Snapshots;

/// <summary>Puts files into a session as its next generation: holes are not read, zero and unchanged chunks are not stored.</summary>
public sealed partial class SnapshotWriter
{
    // A guest reads a disk in long runs: a chunk whose pages stood in more payloads would make many small reads of one.
    internal const int DiskTargetsMax = 8;

    private readonly SessionLease lease;
    private readonly IProgress<TransferProgress>? progress;
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private FilePages? pages;
    private long bytesDone, bytesTotal, chunksUnchanged, chunksZero, chunksStored, chunksShared, pagesReferenced, pagesDifferent;

    private SnapshotWriter(SessionLease lease, IProgress<TransferProgress>? progress)
    {
        this.lease = lease;
        this.progress = progress;
    }

    /// <summary>What a put did.</summary>
    /// <param name="Commit">The commit.</param>
    /// <param name="Files">Files put.</param>
    /// <param name="BytesRead">Bytes of data read; holes are not read.</param>
    /// <param name="ChunksStored">Chunks that went into cells.</param>
    /// <param name="ChunksUnchanged">Chunks that were there already.</param>
    /// <param name="ChunksZero">Chunks read that were all zero.</param>
    /// <param name="PagesReferenced">Pages that other payloads have already.</param>
    /// <param name="PagesDifferent">Pages stored as differences.</param>
    /// <param name="BytesAdded">Bytes of cells appended.</param>
    /// <param name="CellsAdded">Cells appended.</param>
    /// <param name="Elapsed">Time, commit included.</param>
    /// <param name="LeftOut">Names left out on purpose (locks).</param>
    public sealed record Summary(
        CommitSummary Commit, int Files, long BytesRead, long ChunksStored, long ChunksUnchanged, long ChunksZero, long PagesReferenced, long PagesDifferent,
            long BytesAdded, long CellsAdded,
            TimeSpan Elapsed,
        IReadOnlyList<string> LeftOut)
    {
        /// <summary>Chunks stored in one frame with others.</summary>
        public long ChunksShared { get; init; }

        /// <summary>Sparse VMDKs that could not be taken apart and are stored as plain files, each with the reason.</summary>
        public IReadOnlyList<string> StoredWhole { get; init; } = [];
    }

    /// <summary>Puts the files. The session has exactly these files afterwards; files it had before and that are not among them are gone
    /// from this generation.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: the vault is as it was.</exception>
    /// <exception cref="VmPodException">Bad input (2, 3), a file changed its length while it was read (2), no space (8).</exception>
    public static Summary Put(SessionLease lease, IReadOnlyList<string> paths, string label, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        var leftOut = new List<string>();
        IReadOnlyList<SnapshotFile> files = SnapshotFile.List(paths, leftOut.Add);
        return new SnapshotWriter(lease, progress).Run(files, GenerationKind.Checkpoint, label, leftOut, cancel);
    }

    /// <summary>Puts single files as named streams of a machine.</summary>
    /// <exception cref="OperationCanceledException">Cancelled: the vault is as it was.</exception>
    /// <exception cref="VmPodException">As for <see cref="Put"/>.</exception>
    public static Summary PutStreams(
        SessionLease lease, IReadOnlyList<StreamSource> sources, GenerationKind kind, string label, IProgress<TransferProgress>? progress,
            CancellationToken cancel)
    {
        List<SnapshotFile> files = [];
        foreach (StreamSource source in sources)
        {
            using SafeFileHandle file = File.OpenHandle(source.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            files.Add(new SnapshotFile(source.Path, source.Name, IsFolder: false, RandomAccess.GetLength(file), Mode: 0,
                ModifiedNs: 0)
            { Kind = source.Kind });
        }
        return new SnapshotWriter(lease, progress).Run(files, kind, label, [], cancel);
    }

    private Summary Run(IReadOnlyList<SnapshotFile> files, GenerationKind kind, string label, List<string> leftOut, CancellationToken cancel)
    {
        using ContainerSet containers = ContainerSet.Open(files, cancel);
        List<(SnapshotFile File, StreamInfo Stream)> streams = Number(containers.Files);
        long appended = lease.BytesAppended;
        var opened = new List<ChunkSource>();
        try
        {
            foreach ((SnapshotFile file, StreamInfo stream) in streams.Where(s => !s.File.IsFolder))
                opened.Add(containers.Source(file, stream));
            bytesTotal = opened.Sum(f => f.DataBytes);
            List<ChunkSource> large = [.. opened.Where(s => !s.Stream.IsSmall)];
            using var found = new FilePages(lease, large, large.Sum(s => s.DataBytes) / FormatLimits.PageBytes);
            pages = found;
            using var pipeline = new EncodePipeline(lease.Reader is null ? Effort.Fast : Effort.Thorough, Math.Max(1, Environment.ProcessorCount),
                adapts: lease.IsFar);
            // One after the other, memory last: what one has is known before the next is read.
            pipeline.Run(Batches(opened.Where(s => s.Stream.IsSmall)).GetEnumerator().Next, Encode, Complete, cancel);
            foreach (ChunkSource source in large.OrderBy(s => s.Stream.Kind == StreamKind.Memory))
                pipeline.Run(Batches([source]).GetEnumerator().Next, Encode, Complete, cancel);
            foreach (ChunkSource file in opened)
            {
                file.CheckUnchanged();
                ForgetHoles(file);
            }
            ForgetStreams(streams);
            cancel.ThrowIfCancellationRequested();
            CommitSummary commit = lease.Commit(kind, label, [.. streams.Select(s => s.Stream).OrderBy(s => s.Number)], close: true);
            long added = lease.BytesAppended - appended;
            return new Summary(commit, files.Count(f => !f.IsFolder), bytesDone, chunksStored, chunksUnchanged, chunksZero, pagesReferenced,
                pagesDifferent, added, added / lease.CellBytes, watch.Elapsed, leftOut)
            { ChunksShared = chunksShared, StoredWhole = containers.Whole };
        }
        finally
        {
            foreach (ChunkSource file in opened)
                file.Dispose();
        }
    }

    // A name keeps its number, so that its chunks are compared with those it had.
    private List<(SnapshotFile, StreamInfo)> Number(IReadOnlyList<SnapshotFile> files)
    {
        Dictionary<string, uint> known = (lease.Reader?.Streams ?? []).ToDictionary(s => s.Name, s => s.Number);
        uint next = lease.NextStream;
        return [.. files.Select(f => (f, new StreamInfo(known.TryGetValue(f.Name, out uint number) ? number : next++,
            f.Kind, f.Name, f.Length, f.Mode, f.ModifiedNs)))];
    }

    private static IEnumerable<Batch?> Batches(IEnumerable<ChunkSource> files)
    {
        foreach (ChunkSource file in files)
        {
            foreach ((long first, long end) in file.ChunkRanges)
            {
                for (long chunk = first; chunk < end; chunk += BatchOutput.ChunksMax)
                    yield return new Batch(file, chunk, (int)Math.Min(BatchOutput.ChunksMax, end - chunk));
            }
        }
    }

    private void Encode(Batch batch, Worker worker, BatchOutput output)
    {
        StreamInfo stream = batch.File.Stream;
        long offset = batch.First * FormatLimits.ChunkBytes;
        int length = (int)Math.Min((long)batch.Count * FormatLimits.ChunkBytes, stream.Length - offset);
        Span<byte> plaintext = worker.Plaintext.Slice(0, length);
        bool isSmall = stream.IsSmall;
        batch.File.ReadAt(offset, plaintext);
        for (int i = 0; i < batch.Count; i++)
        {
            var key = new ChunkKey(stream.Number, (ulong)(batch.First + i));
            ReadOnlySpan<byte> chunk = plaintext.Slice(i * FormatLimits.ChunkBytes, Math.Min(FormatLimits.ChunkBytes, length - i * FormatLimits.ChunkBytes));
            if (chunk.IndexOfAnyExcept((byte)0) < 0)
            {
                output.Take(key, default, chunk.Length, 0, default);
                continue;
            }
            if (IsKept(key, chunk))
            {
                Interlocked.Increment(ref chunksUnchanged);
                if (!isSmall)
                    pages!.Add(key, chunk, isNew: false);
                continue;
            }
            if (isSmall)
            {
                (Codec codec, int encoded, PageTable? table) = worker.Encoder.EncodeDelta(key, chunk, lease.Payloads, OldOf(key), output.Room);
                output.Take(key, codec, chunk.Length, encoded, lease.TagOf(chunk), table);
                continue;
            }
            worker.Encode(key, chunk, new PageEncoder.Context(lease.Payloads, OldOf(key), 0, pages,
                stream.Kind == StreamKind.Disk ? DiskTargetsMax : PageTable.PagesMax)
            { IsAlone = lease.StoresAlone }, lease.TagOf(chunk), output);
            pages!.Add(key, chunk, isNew: true);
        }
        worker.Flush(output);
    }

    private void Complete(Batch batch, BatchOutput output)
    {
        lease.Put(output);
        foreach (EncodedChunk chunk in output.Chunks)
        {
            if (!chunk.IsStored)
            {
                chunksZero++;
                continue;
            }
            chunksStored++;
            chunksShared += chunk.Codec == Codec.Group ? 1 : 0;
            pagesReferenced += chunk.Pages?.CountOf(PageKind.Reference) ?? 0;
            pagesDifferent += chunk.Pages?.CountOf(PageKind.Difference) ?? 0;
        }
        bytesDone += Math.Min((long)batch.Count * FormatLimits.ChunkBytes, batch.File.Stream.Length - batch.First * FormatLimits.ChunkBytes);
        progress?.Report(new TransferProgress(bytesDone, Math.Max(bytesDone, bytesTotal), lease.BytesAppended, watch.Elapsed));
    }

    // What was data before and is a hole now, or beyond the end.
    private void ForgetHoles(ChunkSource file)
    {
        if (lease.Reader is null)
            return;
        int range = 0;
        foreach (long chunk in lease.Reader.Chunks(file.Stream))
        {
            while (range < file.ChunkRanges.Count && file.ChunkRanges[range].End <= chunk)
                range++;
            if (range == file.ChunkRanges.Count || chunk < file.ChunkRanges[range].First)
                lease.PutZero(new ChunkKey(file.Stream.Number, (ulong)chunk));
        }
    }

    private void ForgetStreams(List<(SnapshotFile File, StreamInfo Stream)> streams)
    {
        // A name that was a file and is a folder now keeps its number, but not its chunks.
        HashSet<uint> kept = [.. streams.Where(s => !s.File.IsFolder).Select(s => s.Stream.Number)];
        foreach (StreamInfo gone in (lease.Reader?.Streams ?? []).Where(s => !kept.Contains(s.Number)))
        {
            foreach (long chunk in lease.Reader!.Chunks(gone))
                lease.PutZero(new ChunkKey(gone.Number, (ulong)chunk));
        }
    }

    private sealed record Batch(ChunkSource File, long First, int Count);
}
