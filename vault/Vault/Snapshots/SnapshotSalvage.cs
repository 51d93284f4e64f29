using System.Diagnostics;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots.Containers;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Snapshots;

/// <summary>Gets what is whole of a damaged generation, and says to the chunk what is not (V-181). Slower than a get: it relies on nothing.</summary>
public static class SnapshotSalvage
{
    /// <summary>What a salvage did.</summary>
    /// <param name="Files">Files written.</param>
    /// <param name="BytesWritten">Bytes of chunks that are whole.</param>
    /// <param name="LostBytes">Bytes of chunks that are lost.</param>
    /// <param name="Lost">Those chunks, by file and number; neighbours together.</param>
    /// <param name="AsDisks">Containers (VMDKs) that could not be put together: their disk is there as a plain image of this name.</param>
    /// <param name="Elapsed">Time, fsync included.</param>
    public sealed record Summary(int Files, long BytesWritten, long LostBytes, IReadOnlyList<LostChunks> Lost, IReadOnlyList<string> AsDisks, TimeSpan Elapsed);

    /// <summary>Writes all files of the generation into a new or empty folder, with holes where chunks are lost.</summary>
    /// <exception cref="VmPodException">The folder holds something (2), no space (8).</exception>
    public static Summary Get(SessionReader session, string folder, IProgress<TransferProgress>? progress, CancellationToken cancel) =>
        SnapshotReader.IntoNewFolder(folder, () => Write(session, folder, progress, cancel));

    private static Summary Write(SessionReader session, string folder, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        var watch = Stopwatch.StartNew();
        IReadOnlyList<TableView<PayloadRef, MapValue>.LostRange> lostMap = session.State.Map.FindLost();
        var lost = new List<LostChunks>();
        var asDisks = new List<string>();
        var restored = new List<StreamInfo>();
        using var memory = new LockedMemory(FormatLimits.ChunkBytes);
        long written = 0;
        int files = 0;
        foreach (StreamInfo stream in session.Streams)
        {
            if (stream.Kind == StreamKind.Folder)
                Directory.CreateDirectory(Path.Combine(folder, stream.Name));
            if (stream.Kind is StreamKind.Folder or StreamKind.Container || ContainerReader.IsInner(session, stream))
                continue;
            Add(stream);
        }
        foreach (StreamInfo stream in session.Streams.Where(s => s.Kind == StreamKind.Container))
        {
            if (TryWriteContainer(session, stream, folder, cancel))
            {
                restored.Add(stream);
                files++;
                continue;
            }
            // Its disk is worth more than a file in which nothing is where its own tables say.
            if (session.Streams.FirstOrDefault(s => s.Name == ContainerNames.DiskOf(stream.Name)) is not { } disk)
                continue;
            asDisks.Add(disk.Name);
            Add(disk);
            lost.AddRange(Unreadable(session, stream, lostMap, memory, cancel));
        }
        foreach (StreamInfo stream in restored.Concat(session.Streams.Where(s => s.Kind == StreamKind.Folder))
            .OrderByDescending(s => s.Name, StringComparer.Ordinal))
            SnapshotReader.Restore(Path.Combine(folder, stream.Name), stream);
        foreach (string inner in Directory.EnumerateDirectories(folder, "*", SearchOption.AllDirectories).Append(folder))
            Libc.FsyncDirectory(inner);
        long lostBytes = lost.Sum(l => BytesOf(session.Stream(l.File), l));
        return new Summary(files, written, lostBytes, lost, asDisks, watch.Elapsed);

        void Add(StreamInfo stream)
        {
            using SafeFileHandle file = SnapshotReader.Create(folder, stream.Name, stream.Length);
            lost.AddRange(Walk(session, stream, lostMap, memory, (chunk, bytes) =>
            {
                SnapshotReader.WriteSparse(file, bytes, chunk * FormatLimits.ChunkBytes);
                written += bytes.Length;
                progress?.Report(new TransferProgress(written, Math.Max(written, 1), written, watch.Elapsed));
            }, cancel));
            Libc.Fsync(file);
            restored.Add(stream);
            files++;
        }
    }

    private static List<LostChunks> Unreadable(SessionReader session, StreamInfo stream, IReadOnlyList<TableView<PayloadRef, MapValue>.LostRange> lostMap,
        LockedMemory memory, CancellationToken cancel) => Walk(session, stream, lostMap, memory, static (_, _) => { }, cancel);

    private delegate void WholeChunk(long chunk, ReadOnlySpan<byte> bytes);

    // Reads every chunk that the map still tells, in order. What cannot be read is lost, and so is what a lost part of the map may have had.
    private static List<LostChunks> Walk(SessionReader session, StreamInfo stream, IReadOnlyList<TableView<PayloadRef, MapValue>.LostRange> lostMap,
        LockedMemory memory, WholeChunk whole, CancellationToken cancel)
    {
        var lost = new List<LostChunks>();
        (long First, long End)? hole = null;
        long next = 0;
        foreach (KeyValuePair<ChunkKey, PayloadRef> entry in session.State.Map.EnumerateKnown(new ChunkKey(stream.Number, 0),
            new ChunkKey(stream.Number + 1, 0), lostMap, (from, to) => BeginHole(from, to)))
        {
            cancel.ThrowIfCancellationRequested();
            long chunk = (long)entry.Key.Chunk;
            if (chunk >= stream.ChunkCount)
                break;
            LoseUpTo(chunk);
            next = chunk + 1;
            if (entry.Value.IsZero)
                continue;
            Span<byte> bytes = memory.Slice(0, stream.ChunkLength(chunk));
            try
            {
                session.ReadChunk(stream, entry.Key, entry.Value, bytes);
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException)
            {
                Lose(chunk, chunk, e.Message);
                continue;
            }
            whole(chunk, bytes);
            bytes.Clear();
        }
        LoseUpTo(stream.ChunkCount);
        return lost;

        void BeginHole(ChunkKey from, ChunkKey to)
        {
            LoseUpTo(hole?.End ?? 0);
            (StreamInfo Stream, long First, long Last)[] here = [.. SalvagedMap.ChunksIn([stream], from, to)];
            if (here.Length == 0)
                return;
            hole = (here[0].First, here[0].Last + 1);
            next = Math.Max(next, here[0].First);
        }

        // The keys of a hole that no entry has named, up to a chunk.
        void LoseUpTo(long chunk)
        {
            if (hole is not { } open)
                return;
            long end = Math.Min(chunk, open.End);
            if (next < end)
                Lose(next, end - 1, "Where it stands is lost: that part of the map is damaged.");
            next = Math.Max(next, end);
            if (chunk >= open.End)
                hole = null;
        }

        void Lose(long first, long last, string what)
        {
            if (lost.Count > 0 && lost[^1] is { } before && before.Last + 1 == first && before.What == what)
                lost[^1] = before with { Last = last };
            else
                lost.Add(new LostChunks(stream.Name, first, last, what));
        }
    }

    private static bool TryWriteContainer(SessionReader session, StreamInfo stream, string folder, CancellationToken cancel)
    {
        string path = Path.Combine(folder, stream.Name);
        try
        {
            ContainerReader reader = ContainerReader.Open(session, stream);
            using SafeFileHandle file = SnapshotReader.Create(folder, stream.Name, reader.FileBytes);
            reader.Write(file, static _ => { }, cancel);
            Libc.Fsync(file);
            return true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException)
        {
            File.Delete(path);
            return false;
        }
    }

    private static long BytesOf(StreamInfo stream, LostChunks lost) =>
        Math.Min(stream.Length, (lost.Last + 1) * FormatLimits.ChunkBytes) - lost.First * FormatLimits.ChunkBytes;
}
