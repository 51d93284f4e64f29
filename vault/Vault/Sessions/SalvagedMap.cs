using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>Ranges of the map as chunks of files.</summary>
internal static class SalvagedMap
{
    /// <summary>The chunks of files that lie in a range of keys, file by file.</summary>
    public static IEnumerable<(StreamInfo Stream, long First, long Last)> ChunksIn(IReadOnlyList<StreamInfo> streams, ChunkKey from, ChunkKey to)
    {
        foreach (StreamInfo stream in streams.Where(s => s.Kind != StreamKind.Folder && s.ChunkCount > 0))
        {
            if (new ChunkKey(stream.Number, (ulong)stream.ChunkCount - 1) < from || new ChunkKey(stream.Number, 0) >= to)
                continue;
            long first = from.Stream == stream.Number ? (long)from.Chunk : 0;
            long end = to.Stream == stream.Number ? (long)Math.Min(to.Chunk, (ulong)stream.ChunkCount) : stream.ChunkCount;
            if (first < end)
                yield return (stream, first, end - 1);
        }
    }
}
