using VmPod.Secrets;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Snapshots;

/// <summary>Storing a generation anew, whole or in part, as the next one with the same content.</summary>
public sealed partial class SnapshotWriter
{
    // Chunks that are stored anew; null where files are put.
    private Func<ChunkKey, bool>? rewrites;

    /// <summary>
    /// Stores chunks of what the lease goes on from once more, with nothing taken from their older payloads, and commits the same streams with tables written
    /// whole. The lease is closed.
    /// </summary>
    /// <param name="lease">A lease that nothing was put under yet.</param>
    /// <param name="rewrites">Which chunks; others stay where they are, and their pages may be named.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancel">Stops it; the vault is as it was once the lease is closed.</param>
    internal static CommitSummary Rewrite(SessionLease lease, Func<ChunkKey, bool> rewrites, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        SessionReader reader = lease.Reader!;
        var writer = new SnapshotWriter(lease, progress) { rewrites = rewrites };
        lease.WritesTablesWhole = true;
        writer.EncodeAll(reader, cancel);
        writer.CopyInternal(reader, rewrites);
        return lease.Commit(reader.Record.Kind, reader.Label, reader.Streams, close: true);
    }

    // All files of what is open: small ones, disks, memory last, as a put does.
    private void EncodeAll(SessionReader reader, CancellationToken cancel)
    {
        List<ChunkSource> sources = [.. reader.Streams.Where(s => s.Kind != StreamKind.Folder).Select(s => new SessionSource(reader, s))];
        try
        {
            List<ChunkSource> large = [.. sources.Where(s => !s.Stream.IsSmall)];
            bytesTotal = sources.Sum(s => s.DataBytes);
            using var found = new FilePages(lease, large, large.Sum(s => s.DataBytes) / FormatLimits.PageBytes);
            pages = found;
            using var pipeline = new EncodePipeline(Effort.Thorough, Math.Max(1, Environment.ProcessorCount));
            pipeline.Run(Batches(sources.Where(s => s.Stream.IsSmall)).GetEnumerator().Next, Encode, Complete, cancel);
            foreach (ChunkSource source in large.OrderBy(s => s.Stream.Kind == StreamKind.Memory))
                pipeline.Run(Batches([source]).GetEnumerator().Next, Encode, Complete, cancel);
            cancel.ThrowIfCancellationRequested();
        }
        finally
        {
            foreach (ChunkSource source in sources)
                source.Dispose();
        }
    }

    // What hosts keep with the session (V-150) is no file, and moves with it. Its payloads stand alone.
    private void CopyInternal(SessionReader reader, Func<ChunkKey, bool> takes)
    {
        using var memory = new LockedMemory(FormatLimits.ChunkBytes + ChunkEncoder.OutputBytesMax);
        using var encoder = new ChunkEncoder(Effort.Thorough);
        Span<byte> chunk = memory.Slice(0, FormatLimits.ChunkBytes), into = memory.Slice(FormatLimits.ChunkBytes, ChunkEncoder.OutputBytesMax);
        foreach ((ChunkKey key, PayloadRef place) in reader.State.Map.Enumerate(new ChunkKey(InternalStream.First, 0),
            new ChunkKey(MetadataStream.First, 0)))
        {
            if (place.IsZero || !takes(key))
                continue;
            ReadOnlySpan<byte> bytes = chunk[..reader.Payloads.ReadUpTo(key, place, chunk)];
            (Codec codec, int length) = encoder.Encode(bytes, into);
            lease.Put(key, codec, bytes.Length, into[..length], lease.TagOf(bytes));
        }
    }

    private bool IsKept(ChunkKey key, ReadOnlySpan<byte> chunk) => rewrites is null ? lease.IsUnchanged(key, chunk) : !rewrites(key);

    // What a chunk may be a difference from: nothing that the rewriting is there to leave behind.
    private PayloadRef OldOf(ChunkKey key) => rewrites is null ? lease.Newest(key) : default;
}
