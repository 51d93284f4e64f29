namespace VmPod.Vault.Cells;

/// <summary>The frame of a log entry: its byte offset, type, and the bytes of its payload. Not authenticated: see
/// <see cref="CellStore.ReadEntry(long)"/>.</summary>
public readonly record struct LogEntryHeader(long Offset, byte Type, int Bytes)
{
    /// <summary>Byte offset of the next entry.</summary>
    public long Next => Offset + Format.Store.StoreLimits.EntryHeaderBytes + Bytes;
}
