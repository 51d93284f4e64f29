namespace VmPod.Vault.Format;

/// <summary>A chunk's place: the key of the map. Ordered by stream, then chunk.</summary>
public readonly record struct ChunkKey(uint Stream, ulong Chunk) : IComparable<ChunkKey>
{
    /// <inheritdoc/>
    public int CompareTo(ChunkKey other) => Stream != other.Stream ? Stream.CompareTo(other.Stream) : Chunk.CompareTo(other.Chunk);

    /// <summary>Order.</summary>
    public static bool operator <(ChunkKey a, ChunkKey b) => a.CompareTo(b) < 0;

    /// <summary>Order.</summary>
    public static bool operator >(ChunkKey a, ChunkKey b) => a.CompareTo(b) > 0;

    /// <summary>Order.</summary>
    public static bool operator <=(ChunkKey a, ChunkKey b) => a.CompareTo(b) <= 0;

    /// <summary>Order.</summary>
    public static bool operator >=(ChunkKey a, ChunkKey b) => a.CompareTo(b) >= 0;
}
