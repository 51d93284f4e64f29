namespace VmPod.Sync.Channel.Pairings;

/// <summary>Base32 of RFC 4648 in lower case and without padding: what a person can type. Reads both cases, and refuses bits that say nothing.</summary>
internal static class Base32
{
    private static ReadOnlySpan<byte> Alphabet => "abcdefghijklmnopqrstuvwxyz234567"u8;

    /// <summary>Characters for so many bytes.</summary>
    internal static int Length(int bytes) => ((bytes * 8) + 4) / 5;

    /// <summary>Writes <see cref="Length"/> characters.</summary>
    internal static void Write(ReadOnlySpan<byte> bytes, Span<byte> text)
    {
        for (int i = 0; i < Length(bytes.Length); i++)
        {
            int value = 0;
            for (int bit = i * 5; bit < (i * 5) + 5; bit++)
                value = (value << 1) | (bit < bytes.Length * 8 ? (bytes[bit / 8] >> (7 - (bit % 8))) & 1 : 0);
            text[i] = Alphabet[value];
        }
    }

    /// <summary>Reads exactly as many bytes as there is room for. False at a wrong length, a wrong character, or set bits beyond the end.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> text, Span<byte> bytes)
    {
        bytes.Clear();
        if (text.Length != Length(bytes.Length))
            return false;
        for (int i = 0; i < text.Length; i++)
        {
            int value = Alphabet.IndexOf((byte)(text[i] is >= (byte)'A' and <= (byte)'Z' ? text[i] | 0x20 : text[i]));
            if (value < 0)
                return false;
            for (int k = 0; k < 5; k++)
            {
                int bit = (i * 5) + k, one = (value >> (4 - k)) & 1;
                if (bit < bytes.Length * 8)
                    bytes[bit / 8] |= (byte)(one << (7 - (bit % 8)));
                else if (one != 0)
                    return false;
            }
        }
        return true;
    }
}
