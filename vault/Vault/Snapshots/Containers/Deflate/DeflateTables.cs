namespace VmPod.Vault.Snapshots.Containers.Deflate;

/// <summary>The fixed tables of deflate (RFC 1951, 3.2.5 to 3.2.7), and what zlib's levels mean (zlib 1.2, deflate.c, configuration_table).</summary>
internal static class DeflateTables
{
    public const int Literals = 256, EndOfBlock = 256, LengthSymbols = 286, FixedLengthSymbols = 288, DistanceSymbols = 30, BitLengthSymbols = 19;
    public const int MinMatch = 3, MaxMatch = 258;

    /// <summary>Extra bits of the length codes, from 257 on.</summary>
    public static readonly byte[] LengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

    /// <summary>Extra bits of the distance codes.</summary>
    public static readonly byte[] DistanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];

    /// <summary>Extra bits of the codes of code lengths.</summary>
    public static readonly byte[] BitLengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 3, 7];

    /// <summary>The order in which lengths of those codes are sent.</summary>
    public static readonly byte[] BitLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

    /// <summary>Length code (from 0) of a length less 3.</summary>
    public static readonly byte[] LengthCode = new byte[256];

    /// <summary>First length less 3 of a length code.</summary>
    public static readonly int[] LengthBase = new int[LengthExtra.Length];

    /// <summary>First distance less 1 of a distance code.</summary>
    public static readonly int[] DistanceBase = new int[DistanceExtra.Length];

    /// <summary>Lengths and codes of the fixed trees.</summary>
    public static readonly byte[] FixedLengths = new byte[FixedLengthSymbols], FixedDistanceLengths = new byte[DistanceSymbols];

    /// <summary>Codes of the fixed trees, lowest bit first.</summary>
    public static readonly ushort[] FixedCodes = new ushort[FixedLengthSymbols], FixedDistanceCodes = new ushort[DistanceSymbols];

    private static readonly byte[] DistanceCodes = new byte[512];

    private static readonly DeflateLevel[] Levels =
    [
        new(4, 4, 8, 4, IsLazy: false), new(4, 5, 16, 8, IsLazy: false), new(4, 6, 32, 32, IsLazy: false),
        new(4, 4, 16, 16, IsLazy: true), new(8, 16, 32, 32, IsLazy: true), new(8, 16, 128, 128, IsLazy: true),
        new(8, 32, 128, 256, IsLazy: true), new(32, 128, 258, 1024, IsLazy: true), new(32, 258, 258, 4096, IsLazy: true),
    ];

    static DeflateTables()
    {
        int length = 0;
        for (int code = 0; code < LengthExtra.Length - 1; code++)
        {
            LengthBase[code] = length;
            for (int n = 0; n < 1 << LengthExtra[code]; n++)
                LengthCode[length++] = (byte)code;
        }
        // Length 258 has a code of its own, without extra bits.
        LengthCode[255] = (byte)(LengthExtra.Length - 1);
        int distance = 0;
        for (int code = 0; code < DistanceExtra.Length; code++)
        {
            DistanceBase[code] = distance;
            for (int n = 0; n < 1 << DistanceExtra[code]; n++, distance++)
                DistanceCodes[distance < 256 ? distance : 256 + (distance >> 7)] = (byte)code;
        }
        for (int n = 0; n < FixedLengthSymbols; n++)
            FixedLengths[n] = n switch { < 144 => 8, < 256 => 9, < 280 => 7, _ => 8 };
        Array.Fill(FixedDistanceLengths, (byte)5);
        HuffmanTree.AssignCodes(FixedLengths, FixedCodes);
        HuffmanTree.AssignCodes(FixedDistanceLengths, FixedDistanceCodes);
    }

    /// <summary>Distance code of a distance less 1.</summary>
    public static int DistanceCode(int distance) => distance < 256 ? DistanceCodes[distance] : DistanceCodes[256 + (distance >> 7)];

    /// <summary>What a level, 1 to 9, means.</summary>
    public static DeflateLevel Level(int level) => Levels[level - 1];
}
