using System.Text;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>Names that a peer chose and that we show: printable ASCII, 1 to <see cref="PairingLimits.NameBytesMax"/> bytes, no blank at either end.</summary>
public static class DisplayName
{
    private const byte First = 0x20, Last = 0x7E;

    /// <summary>A name that may be shown and sent, whatever is given: other characters become '?', blanks at the ends go, the rest is cut.</summary>
    public static string Sanitise(string name)
    {
        var clean = new StringBuilder();
        foreach (Rune rune in name.EnumerateRunes())
            clean.Append(rune.Value is >= First and <= Last ? (char)rune.Value : '?');
        string trimmed = clean.ToString().Trim(' ');
        trimmed = trimmed[..Math.Min(trimmed.Length, PairingLimits.NameBytesMax)].TrimEnd(' ');
        return trimmed.Length == 0 ? "?" : trimmed;
    }

    /// <summary>True if the bytes are a name just as <see cref="Sanitise"/> makes them.</summary>
    internal static bool IsName(ReadOnlySpan<byte> name) =>
        name.Length is >= 1 and <= PairingLimits.NameBytesMax && name[0] != ' ' && name[^1] != ' ' && !name.ContainsAnyExceptInRange(First, Last);
}
