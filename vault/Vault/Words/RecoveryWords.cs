using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Words;

/// <summary>
/// The 24 words that open a vault without passphrase and without the pod's own secrets: 256 random bits and 8 of their hash, as BIP-39 writes them.
/// </summary>
/// <remarks>
/// 24 and not 12: what they open has 256 bits, nothing else stands before it (no device secret, no slow hash), and of two mistakes in writing, 255 in 256 are
/// noticed instead of 15 in 16. They are text only on a paper, a terminal, or a file of the owner's.
/// </remarks>
public sealed class RecoveryWords : IDisposable
{
    /// <summary>How many words.</summary>
    public const int Count = 24;

    /// <summary>Bytes that all words and the blanks between them have at most.</summary>
    public const int TextBytesMax = Count * (WordList.LettersMax + 1);

    private const int EntropyBytes = KeyDerivation.KeyBytes, BitsOfWord = 11;

    private readonly SecretBuffer entropy;

    private RecoveryWords(SecretBuffer entropy) => this.entropy = entropy;

    /// <summary>What the words say, 32 bytes.</summary>
    internal SecretBuffer Entropy => entropy;

    /// <summary>New words.</summary>
    public static RecoveryWords Create() => new(SecretBuffer.Random(EntropyBytes));

    /// <summary>Reads words, parted by blanks or line ends, in any case of letters.</summary>
    /// <exception cref="VmPodException">Not 24, one that is not in the list, or a wrong checksum (4). The message names the place, never the word.</exception>
    public static RecoveryWords Parse(ReadOnlySpan<byte> text)
    {
        (int count, int? unknown) = Look(text);
        if (unknown is { } place)
            throw new VmPodException(ExitCode.Refused, $"Word {place} is not in the list of recovery words.", "Look at its first four letters again.");
        if (count != Count)
            throw new VmPodException(ExitCode.Refused, $"There are {count} words instead of {Count}.", "Give all of them, in their order.");
        using SecretBuffer bits = SecretBuffer.Create(EntropyBytes + 1, static _ => { });
        int bit = 0;
        foreach (Range range in text.SplitAny(" \t\r\n"u8))
        {
            if (text[range].IsEmpty)
                continue;
            int index = WordList.IndexOf(text[range]);
            for (int i = BitsOfWord - 1; i >= 0; i--, bit++)
                bits.Bytes[bit / 8] |= (byte)((index >> i & 1) << (7 - bit % 8));
        }
        if (bits.Bytes[EntropyBytes] != Checksum(bits.ReadOnlyBytes[..EntropyBytes]))
            throw new VmPodException(ExitCode.Refused, "All words are in the list, but they do not fit together: one was another word, or two changed places.",
                "Compare them with what was written down, one by one.");
        return new RecoveryWords(SecretBuffer.Create(EntropyBytes, bits.ReadOnlyBytes[..EntropyBytes], static (into, from) => from.CopyTo(into)));
    }

    /// <summary>Looks at words before they are all there.</summary>
    /// <returns>How many there are, and the place, from 1, of the first that is not in the list.</returns>
    public static (int Count, int? Unknown) Look(ReadOnlySpan<byte> text)
    {
        int count = 0;
        int? unknown = null;
        foreach (Range range in text.SplitAny(" \t\r\n"u8))
        {
            if (text[range].IsEmpty)
                continue;
            count++;
            if (WordList.IndexOf(text[range]) < 0)
                unknown ??= count;
        }
        return (count, unknown);
    }

    /// <summary>The words as a line of text: one blank between them, a line feed at the end.</summary>
    public SecretBuffer ToText() => Write(static (_, _) => 0, static place => place == Count ? (byte)'\n' : (byte)' ');

    /// <summary>The words as a table to be copied by hand: four in a line, each with its number.</summary>
    public SecretBuffer ToTable()
    {
        const int inLine = 4;
        return Write(static (place, into) =>
        {
            into[0] = into[1] = (byte)' ';
            into[2] = place < 10 ? (byte)' ' : (byte)('0' + place / 10);
            into[3] = (byte)('0' + place % 10);
            into[4] = (byte)' ';
            return 5;
        }, static place => place % inLine == 0 ? (byte)'\n' : (byte)' ', pad: true);
    }

    /// <summary>Zeroes them.</summary>
    public void Dispose() => entropy.Dispose();

    private static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        byte first = hash[0];
        hash.Clear();
        return first;
    }

    private delegate int WriteBefore(int place, Span<byte> into);

    private SecretBuffer Write(WriteBefore before, Func<int, byte> after, bool pad = false)
    {
        const int room = WordList.LettersMax + 6;
        using SecretBuffer text = SecretBuffer.Create(Count * room, static _ => { });
        using SecretBuffer bits = SecretBuffer.Create(EntropyBytes + 1, static _ => { });
        entropy.ReadOnlyBytes.CopyTo(bits.Bytes);
        bits.Bytes[EntropyBytes] = Checksum(entropy.ReadOnlyBytes);
        int length = 0;
        for (int place = 1; place <= Count; place++)
        {
            int index = 0;
            for (int bit = (place - 1) * BitsOfWord; bit < place * BitsOfWord; bit++)
                index = index << 1 | bits.Bytes[bit / 8] >> (7 - bit % 8) & 1;
            length += before(place, text.Bytes[length..]);
            int letters = WordList.Write(index, text.Bytes[length..]);
            length += letters;
            for (; pad && letters < WordList.LettersMax; letters++)
                text.Bytes[length++] = (byte)' ';
            text.Bytes[length++] = after(place);
        }
        return SecretBuffer.Create(length, text.ReadOnlyBytes[..length], static (into, from) => from.CopyTo(into));
    }
}
