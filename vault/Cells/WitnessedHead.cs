using System.Globalization;
using System.Text;
using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Cells;

/// <summary>
/// The newest head of a vault that somebody saw (V-188). Kept elsewhere than the vault, it tells an older state of it, and another history, from a newer
/// one: the log only grows, so a head that was there once is there for good, at its place.
/// </summary>
/// <param name="VaultId">The vault.</param>
/// <param name="Seq">The head's number.</param>
/// <param name="Offset">Where it stands in the log.</param>
/// <param name="Hash">Its entry hash.</param>
public sealed record WitnessedHead(UInt128 VaultId, ulong Seq, long Offset, Digest Hash)
{
    /// <summary>Bytes of the text at most.</summary>
    public const int TextBytesMax = 256;

    private const string Magic = "vmpod-witness-1";

    /// <summary>The head of a vault as it is now.</summary>
    public static WitnessedHead Of(CellStore store) => new(store.Descriptor.VaultId, store.Head.Seq, store.Head.LogBytes, store.HeadHash);

    /// <summary>What a vault is to who saw this head.</summary>
    /// <exception cref="VmPodException">It is another vault (4), or its log is damaged, so that nothing can be said (5).</exception>
    public WitnessVerdict Judge(CellStore store, CancellationToken cancel)
    {
        if (store.Descriptor.VaultId != VaultId)
            throw new VmPodException(ExitCode.Refused, "The witness is of another vault.", "Name the file that was made with this pod.");
        if (store.Head.Seq < Seq)
            return WitnessVerdict.Older;
        try
        {
            // The place alone would be a hint (V-55): the head that counts signs the tree over all before it, this entry included.
            if (store.ReadEntry(Offset).Hash == Hash && store.IsLogSound(cancel))
                return store.Head.Seq == Seq ? WitnessVerdict.Same : WitnessVerdict.Newer;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException)
        {
            // No entry begins there: another history, unless the log is damaged.
        }
        return store.IsLogSound(cancel) ? WitnessVerdict.Forked : throw new VmPodException(ExitCode.Damaged,
            "The vault's log is damaged: whether it goes on from what the witness saw cannot be told.", "podkeeper repair DIR --from COPY.");
    }

    /// <summary>One line of ASCII and a line end.</summary>
    public byte[] ToText() => Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Magic} {VaultId:x32} {Seq} {Offset} {Hash}\n"));

    /// <summary>Reads it. Null unless it is just that.</summary>
    public static WitnessedHead? TryRead(ReadOnlySpan<byte> text)
    {
        if (text.Length > TextBytesMax)
            return null;
        string[] parts = Encoding.ASCII.GetString(text).TrimEnd('\n').Split(' ');
        return parts.Length == 5 && parts[0] == Magic
            && UInt128.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 vault)
            && ulong.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seq)
            && long.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out long offset)
            && parts[4].Length == 2 * Digest.Size && parts[4].All(char.IsAsciiHexDigitLower)
            && new WitnessedHead(vault, seq, offset, Digest.ReadFrom(Convert.FromHexString(parts[4]))) is var read
            && read.ToText().AsSpan().SequenceEqual(text) ? read : null;
    }
}
