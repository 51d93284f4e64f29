using VmPod.Secrets;
using static VmPod.Vault.Snapshots.Containers.Deflate.DeflateTables;

namespace VmPod.Vault.Snapshots.Containers.Deflate;

/// <summary>Symbols to bits: a block is stored, or has fixed or own trees, as zlib decides (zlib 1.2, trees.c, _tr_flush_block).</summary>
internal sealed unsafe class DeflateBlocks : IDisposable
{
    // zlib's buffer of symbols with memLevel 8 is 16,384, and a block ends one before.
    private const int SymbolsMax = 16_383;

    private const int Repeat = 16, RepeatZero = 17, RepeatZeroLong = 18;

    private readonly LockedMemory symbols = new((SymbolsMax + 1) * sizeof(uint));
    private readonly HuffmanTree lengths = new(LengthSymbols, LengthExtra, Literals + 1, 15, FixedLengths);
    private readonly HuffmanTree distances = new(DistanceSymbols, DistanceExtra, 0, 15, FixedDistanceLengths);
    private readonly HuffmanTree bitLengths = new(BitLengthSymbols, BitLengthExtra, 0, 7, null);
    private uint* taken;
    private int count;

    /// <summary>Forgets what was taken.</summary>
    public void Reset()
    {
        count = 0;
        taken = (uint*)symbols.Pointer;
        Array.Clear(lengths.Frequency);
        Array.Clear(distances.Frequency);
        Array.Clear(bitLengths.Frequency);
        lengths.Frequency[EndOfBlock] = 1;
    }

    /// <summary>Takes a byte. True if the block is full.</summary>
    public bool Literal(byte value)
    {
        taken[count++] = value;
        lengths.Frequency[value]++;
        return count == SymbolsMax;
    }

    /// <summary>Takes a match. True if the block is full.</summary>
    public bool Match(int distance, int length)
    {
        taken[count++] = (uint)(distance << 8 | length - MinMatch);
        lengths.Frequency[LengthCode[length - MinMatch] + Literals + 1]++;
        distances.Frequency[DistanceCode(distance - 1)]++;
        return count == SymbolsMax;
    }

    /// <summary>Writes the block.</summary>
    /// <param name="bits">Where to.</param>
    /// <param name="plain">The bytes that the block stands for.</param>
    /// <param name="mayStore">False if zlib had no longer those bytes in its window.</param>
    /// <param name="last">Whether it is the last block.</param>
    public void Flush(ref BitWriter bits, ReadOnlySpan<byte> plain, bool mayStore, bool last)
    {
        lengths.Build();
        distances.Build();
        int codes = BuildBitLengths();
        long own = (lengths.Cost.Own + distances.Cost.Own + bitLengths.Cost.Own + 3 * (codes + 1) + 14 + 3 + 7) >> 3;
        long inFixed = (lengths.Cost.Fixed + distances.Cost.Fixed + 3 + 7) >> 3, best = Math.Min(own, inFixed);
        uint end = last ? 1u : 0;
        if (plain.Length + 4 <= best && mayStore)
        {
            bits.Put(end, 3);
            bits.Align();
            bits.Put((uint)plain.Length, 16);
            bits.Put(~(uint)plain.Length & 0xFFFF, 16);
            bits.Bytes(plain);
        }
        else if (inFixed == best)
        {
            bits.Put(2 + end, 3);
            Symbols(ref bits, FixedLengths, FixedCodes, FixedDistanceLengths, FixedDistanceCodes);
        }
        else
        {
            bits.Put(4 + end, 3);
            bits.Put((uint)(lengths.Last + 1 - 257), 5);
            bits.Put((uint)distances.Last, 5);
            bits.Put((uint)(codes + 1 - 4), 4);
            for (int i = 0; i <= codes; i++)
                bits.Put(bitLengths.Lengths[BitLengthOrder[i]], 3);
            SendTree(ref bits, lengths);
            SendTree(ref bits, distances);
            Symbols(ref bits, lengths.Lengths, lengths.Codes, distances.Lengths, distances.Codes);
        }
        Reset();
        if (last)
            bits.Align();
    }

    /// <inheritdoc/>
    public void Dispose() => symbols.Dispose();

    private void Symbols(ref BitWriter bits, byte[] lengthBits, ushort[] lengthCodes, byte[] distanceBits, ushort[] distanceCodes)
    {
        uint* symbol = taken;
        for (int i = 0; i < count; i++)
        {
            int low = (int)(symbol[i] & 0xFF), distance = (int)(symbol[i] >> 8);
            if (distance == 0)
            {
                bits.Put(lengthCodes[low], lengthBits[low]);
                continue;
            }
            int code = LengthCode[low];
            bits.Put(lengthCodes[code + Literals + 1], lengthBits[code + Literals + 1]);
            if (LengthExtra[code] != 0)
                bits.Put((uint)(low - LengthBase[code]), LengthExtra[code]);
            code = DistanceCode(--distance);
            bits.Put(distanceCodes[code], distanceBits[code]);
            if (DistanceExtra[code] != 0)
                bits.Put((uint)(distance - DistanceBase[code]), DistanceExtra[code]);
        }
        bits.Put(lengthCodes[EndOfBlock], lengthBits[EndOfBlock]);
    }

    // The index, in the order of sending, of the last code of code lengths that is sent.
    private int BuildBitLengths()
    {
        foreach (HuffmanTree tree in new[] { lengths, distances })
        {
            foreach ((int symbol, int _) in Runs(tree))
                bitLengths.Frequency[symbol]++;
        }
        bitLengths.Build();
        int last = BitLengthSymbols - 1;
        while (last >= 3 && bitLengths.Lengths[BitLengthOrder[last]] == 0)
            last--;
        return last;
    }

    private void SendTree(ref BitWriter bits, HuffmanTree tree)
    {
        foreach ((int symbol, int times) in Runs(tree))
        {
            bits.Put(bitLengths.Codes[symbol], bitLengths.Lengths[symbol]);
            if (symbol >= Repeat)
                bits.Put((uint)(times - (symbol == RepeatZeroLong ? 11 : 3)), BitLengthExtra[symbol]);
        }
    }

    // The code lengths of a tree as symbols, repeats with how often (zlib 1.2, trees.c, scan_tree and send_tree).
    private static IEnumerable<(int Symbol, int Times)> Runs(HuffmanTree tree)
    {
        int before = -1, next = tree.Lengths[0], times = 0;
        (int most, int least) = next == 0 ? (138, 3) : (7, 4);
        for (int n = 0; n <= tree.Last; n++)
        {
            int length = next;
            next = n < tree.Last ? tree.Lengths[n + 1] : -1;
            if (++times < most && length == next)
                continue;
            if (times < least)
            {
                for (; times > 0; times--)
                    yield return (length, 1);
            }
            else if (length != 0)
            {
                if (length != before)
                {
                    yield return (length, 1);
                    times--;
                }
                yield return (Repeat, times);
            }
            else
            {
                yield return (times <= 10 ? RepeatZero : RepeatZeroLong, times);
            }
            (times, before) = (0, length);
            (most, least) = next == 0 ? (138, 3) : length == next ? (6, 3) : (7, 4);
        }
    }
}
