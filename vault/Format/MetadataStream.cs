namespace VmPod.Vault.Format;

/// <summary>Numbers of the streams that hold a commit's own structure. Streams of the session are below <see cref="First"/>.</summary>
public static class MetadataStream
{
    /// <summary>The lowest number that a session's own stream may not have.</summary>
    public const uint First = 0xFFFF_FF00;

    /// <summary>The manifest of a commit, cut into chunks from 0.</summary>
    public const uint Manifest = 0xFFFF_FF01;

    /// <summary>Leaves of the map (chunk to payload). The chunk number counts the leaves of the commit.</summary>
    public const uint MapLeaf = 0xFFFF_FF02;

    /// <summary>Leaves of the tag table (chunk to change tag), read only by writers.</summary>
    public const uint TagLeaf = 0xFFFF_FF03;

    /// <summary>Indexes of runs that have many leaves, cut into chunks; each index has a range of chunk numbers of its own.</summary>
    public const uint RunIndex = 0xFFFF_FF04;
}
