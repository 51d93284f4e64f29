using System.Collections;
using QRCoder;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>A code as a QR symbol of text, two modules in one character, for a dark terminal: the light modules are the ones that shine.</summary>
public static class PairingQr
{
    /// <summary>UTF-8, lines that end with a line feed. The quiet zone of four modules is part of it.</summary>
    public static SecretBuffer Draw(PairingCode code)
    {
        using SecretBuffer text = code.ToText();
        using var bytes = new PinnedBytes(text.ReadOnlyBytes);
        // Level M: 15 % of the symbol may be unreadable, which is a reflection on a small screen.
        using QRCodeData symbol = QRCodeGenerator.GenerateQrCode(bytes.Array, QRCodeGenerator.ECCLevel.M);
        List<BitArray> rows = symbol.ModuleMatrix;
        using var drawn = new MemoryStream();
        for (int y = 0; y < rows.Count; y += 2)
        {
            for (int x = 0; x < rows[y].Count; x++)
                drawn.Write(Character(upperDark: rows[y][x], lowerDark: y + 1 < rows.Count && rows[y + 1][x]));
            drawn.WriteByte((byte)'\n');
        }
        return SecretBuffer.Create((int)drawn.Length, drawn.GetBuffer().AsSpan(0, (int)drawn.Length), static (into, from) => from.CopyTo(into));
    }

    private static ReadOnlySpan<byte> Character(bool upperDark, bool lowerDark) => (upperDark, lowerDark) switch
    {
        (true, true) => " "u8,
        (true, false) => "▄"u8,
        (false, true) => "▀"u8,
        _ => "█"u8,
    };
}
