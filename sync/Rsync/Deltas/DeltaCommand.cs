namespace VmPod.Sync.Rsync.Deltas;

/// <summary>One command of a delta: take these bytes of the basis, or these that follow.</summary>
/// <param name="IsCopy">Bytes of the basis; else bytes of the delta.</param>
/// <param name="Offset">Of a copy: where they begin in the basis. Else 0.</param>
/// <param name="Length">Their number, at least 1.</param>
public readonly record struct DeltaCommand(bool IsCopy, long Offset, long Length)
{
    /// <summary>The first byte of a copy.</summary>
    internal const byte CopyType = 0x60;

    /// <summary>The first byte of data.</summary>
    internal const byte DataType = 0x80;
}
