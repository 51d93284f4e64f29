using System.Buffers.Binary;

namespace VmPod.Vault.Words;

/// <summary>
/// The 2,048 English words of BIP-39, sorted; the first four letters tell them apart. The file <c>english.txt</c> is that of the proposal (MIT).
/// </summary>
/// <remarks>
/// Packages that know the list hand words out as strings, which stay in the heap; this needs the list alone, and keeps words in the caller's memory.
/// </remarks>
internal static class WordList
{
    /// <summary>Words in the list: 11 bits each.</summary>
    public const int Count = 2048;

    /// <summary>Letters of the longest word.</summary>
    public const int LettersMax = 8;

    // Each word as its letters from the left, zeros behind.
    private static readonly ulong[] words = Load();

    /// <summary>The number of a word, 0 to 2,047, upper or lower case; -1 if it is none of the list. Looks at all of them, whichever it is.</summary>
    public static int IndexOf(ReadOnlySpan<byte> word)
    {
        if (word.Length is 0 or > LettersMax)
            return -1;
        ulong packed = 0;
        for (int i = 0; i < LettersMax; i++)
            packed = packed << 8 | (i < word.Length ? (byte)(word[i] is >= (byte)'A' and <= (byte)'Z' ? word[i] | 0x20 : word[i]) : 0UL);
        int found = -1;
        for (int i = 0; i < words.Length; i++)
            found = words[i] == packed ? i : found;
        return found;
    }

    /// <summary>Writes the letters of a word.</summary>
    /// <returns>How many they are.</returns>
    public static int Write(int index, Span<byte> into)
    {
        Span<byte> letters = stackalloc byte[LettersMax];
        BinaryPrimitives.WriteUInt64BigEndian(letters, words[index]);
        int length = letters.TrimEnd((byte)0).Length;
        letters[..length].CopyTo(into);
        letters.Clear();
        return length;
    }

    private static ulong[] Load()
    {
        using Stream list = typeof(WordList).Assembly.GetManifestResourceStream("english.txt")!;
        using var reader = new StreamReader(list);
        ulong[] loaded = [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(word => word.PadRight(LettersMax, '\0').Aggregate(0UL, (packed, letter) => packed << 8 | letter))];
        return loaded.Length == Count ? loaded : throw new InvalidOperationException("The word list has not 2,048 words.");
    }
}
