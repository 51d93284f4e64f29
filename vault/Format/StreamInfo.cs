namespace VmPod.Vault.Format;

/// <summary>What a stream is to the session.</summary>
public enum StreamKind : byte
{
    /// <summary>A file of a snapshot folder.</summary>
    File = 1,

    /// <summary>A folder of a snapshot folder: a name and a mode, no bytes.</summary>
    Folder = 2,

    /// <summary>A disk of a machine.</summary>
    Disk = 3,

    /// <summary>A machine's RAM.</summary>
    Memory = 4,

    /// <summary>A machine's device state.</summary>
    State = 5,

    /// <summary>A machine's configuration.</summary>
    Config = 6,

    /// <summary>A file that holds a disk in grains: how it is put together of them (SPEC, "Disk containers").</summary>
    Container = 7,
}

/// <summary>One stream of a generation.</summary>
/// <param name="Number">Its number, fixed for the session by its name.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Relative path with '/', no empty, '.' or '..' part.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Mode">Permission bits of a file or folder (07777).</param>
/// <param name="ModifiedNs">Time of last change, ns since 1970; 0 where it has none.</param>
public sealed record StreamInfo(uint Number, StreamKind Kind, string Name, long Length, uint Mode, long ModifiedNs)
{
    // Device state, NVRAM, configuration, logs. A disk or a memory of 8 MiB no machine has.
    private const long SmallBytesMax = 8L << 20;

    /// <summary>True for a stream whose chunks are differences from what they were, not made of pages that stand elsewhere.</summary>
    public bool IsSmall => Kind is StreamKind.State or StreamKind.Config || (Kind is StreamKind.File or StreamKind.Container && Length <= SmallBytesMax);

    /// <summary>Chunks of it, the last one perhaps short.</summary>
    public long ChunkCount => (Length + FormatLimits.ChunkBytes - 1) / FormatLimits.ChunkBytes;

    /// <summary>Bytes of chunk <paramref name="chunk"/>.</summary>
    public int ChunkLength(long chunk) => (int)Math.Min(FormatLimits.ChunkBytes, Length - chunk * FormatLimits.ChunkBytes);

    /// <summary>True for a name that may be joined to a folder without leaving it.</summary>
    public static bool IsSafeName(string name) =>
        name.Length > 0 && !name.Contains('\0', StringComparison.Ordinal) && name.Split('/').All(part => part is not ("" or "." or ".."));
}
