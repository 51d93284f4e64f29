using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace VmPod.Sync.Wire;

/// <summary>Texts from a peer end on the owner's terminal: what could draw there anything but itself is refused or cleaned (S-64).</summary>
public static class WireText
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads UTF-8. False unless it is valid and printable.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (utf8.IsEmpty)
        {
            text = "";
            return true;
        }
        // Looked at before it is decoded: an exception for each bad name would cost a peer nothing and us much.
        for (ReadOnlySpan<byte> rest = utf8; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf8(rest, out Rune rune, out int taken) != System.Buffers.OperationStatus.Done || !IsPrintable(rune))
                return false;
            rest = rest[taken..];
        }
        text = StrictUtf8.GetString(utf8);
        return true;
    }

    /// <summary>True if each character shows as itself: no controls, no line ends, nothing that turns the direction of what follows.</summary>
    public static bool IsPrintable(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (!IsPrintable(rune))
                return false;
        }
        return true;
    }

    /// <summary>A text for a person from any bytes: what is not printable becomes a blank.</summary>
    public static string Clean(ReadOnlySpan<byte> utf8) => Clean(Encoding.UTF8.GetString(utf8), int.MaxValue);

    /// <summary>A printable text of at most <paramref name="maxBytes"/> bytes of UTF-8.</summary>
    public static string Clean(string text, int maxBytes)
    {
        ArgumentNullException.ThrowIfNull(text);
        var clean = new StringBuilder(text.Length);
        int bytes = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            Rune shown = IsPrintable(rune) ? rune : new Rune(' ');
            bytes += shown.Utf8SequenceLength;
            if (bytes > maxBytes)
                break;
            _ = clean.Append(shown);
        }
        return clean.ToString();
    }

    private static bool IsPrintable(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
        && rune.Value is not (>= 0x202A and <= 0x202E) and not (>= 0x2066 and <= 0x2069) and not (0x200E or 0x200F or 0x061C);
}
