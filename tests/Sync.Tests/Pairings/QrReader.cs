namespace VmPod.Sync.Tests.Pairings;

/// <summary>Reads the bytes of an undamaged QR symbol of version 5, level M (ISO/IEC 18004), from its modules: own code, no correction of errors.</summary>
internal static class QrReader
{
    private const int Size = 37, Blocks = 2, DataOfBlock = 43;

    /// <param name="modules">37 rows of 37, dark as 1, without the quiet zone.</param>
    internal static byte[] Read(int[][] modules)
    {
        // The format stands in row 8: two bits of level (00 is M), three of the mask, and its own correction, all under a fixed mask.
        int format = 0;
        for (int x = 0; x < 5; x++)
            format = (format << 1) | modules[8][x];
        format ^= 0b10101;
        if (modules.Length != Size || format >> 3 != 0)
            throw new InvalidDataException("This is no symbol of version 5, level M.");
        byte[] words = Words(modules, format & 7);
        byte[] data = [.. Enumerable.Range(0, Blocks * DataOfBlock).Select(i => words[(i % DataOfBlock * Blocks) + (i / DataOfBlock)])];
        // Four bits 0100 for bytes, eight of length, the bytes.
        if (data[0] >> 4 != 4)
            throw new InvalidDataException("This is not byte mode.");
        int length = ((data[0] & 15) << 4) | (data[1] >> 4);
        return [.. Enumerable.Range(1, length).Select(i => (byte)(((data[i] & 15) << 4) | (data[i + 1] >> 4)))];
    }

    private static byte[] Words(int[][] modules, int mask)
    {
        byte[] words = new byte[134];
        int bit = 0;
        for (int right = Size - 1, upwards = 1; right > 0; right -= 2, upwards ^= 1)
        {
            if (right == 6)
                right--;
            for (int step = 0; step < Size; step++)
            {
                int y = upwards == 1 ? Size - 1 - step : step;
                for (int x = right; x >= right - 1; x--)
                {
                    if (IsFixed(y, x) || bit == words.Length * 8)
                        continue;
                    words[bit / 8] |= (byte)((modules[y][x] ^ (IsMasked(mask, y, x) ? 1 : 0)) << (7 - (bit % 8)));
                    bit++;
                }
            }
        }
        return words;
    }

    private static bool IsFixed(int y, int x) => y == 6 || x == 6 || (y < 9 && (x < 9 || x >= Size - 8)) || (y >= Size - 8 && x < 9)
        || (y is >= Size - 9 and <= Size - 5 && x is >= Size - 9 and <= Size - 5);

    private static bool IsMasked(int mask, int y, int x) => mask switch
    {
        0 => (y + x) % 2 == 0,
        1 => y % 2 == 0,
        2 => x % 3 == 0,
        3 => (y + x) % 3 == 0,
        4 => ((y / 2) + (x / 3)) % 2 == 0,
        5 => (y * x % 2) + (y * x % 3) == 0,
        6 => ((y * x % 2) + (y * x % 3)) % 2 == 0,
        _ => (((y + x) % 2) + (y * x % 3)) % 2 == 0,
    };
}
