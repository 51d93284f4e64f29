namespace VmPod.Vault.Snapshots;

/// <summary>How far a put or get is.</summary>
/// <param name="BytesDone">Bytes of data looked at (put) or written (get).</param>
/// <param name="BytesTotal">Bytes of data in all; holes do not count.</param>
/// <param name="BytesStored">Bytes of cells appended so far (put), or read (get).</param>
/// <param name="Elapsed">Time since the beginning.</param>
public readonly record struct TransferProgress(long BytesDone, long BytesTotal, long BytesStored, TimeSpan Elapsed)
{
    /// <summary>Bytes a second so far; 0 at the very beginning.</summary>
    public double Rate => Elapsed > TimeSpan.Zero ? BytesDone / Elapsed.TotalSeconds : 0;

    /// <summary>Time left at this rate; null while it cannot be told.</summary>
    public TimeSpan? Left => Rate > 0 ? TimeSpan.FromSeconds((BytesTotal - BytesDone) / Rate) : null;
}
