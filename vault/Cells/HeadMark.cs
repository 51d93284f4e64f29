using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>A head by its place in the log.</summary>
/// <param name="Seq">Its number; 0 for none.</param>
/// <param name="Offset">Where its frame begins.</param>
/// <param name="Bytes">Of its payload.</param>
/// <param name="Hash">Its entry hash.</param>
public sealed record HeadMark(ulong Seq, long Offset, int Bytes, Digest Hash)
{
    /// <summary>Before the first head.</summary>
    public static HeadMark None { get; } = new(0, 0, 0, Digest.Zero);

    /// <summary>Bytes of the log up to its end.</summary>
    public long LogBytes => Seq == 0 ? 0 : Offset + StoreLimits.EntryHeaderBytes + Bytes;
}
