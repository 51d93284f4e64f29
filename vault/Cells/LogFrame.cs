namespace VmPod.Vault.Cells;

/// <summary>A frame of the log and the first bytes of its payload: enough to tell whose it is. Not authenticated.</summary>
public readonly record struct LogFrame(LogEntryHeader Header, ReadOnlyMemory<byte> Prefix)
{
    /// <summary>Bytes of <see cref="Prefix"/>, fewer if the payload is shorter: a commit's record names its session and generation within them.</summary>
    public const int PrefixBytes = 72;
}
