namespace VmPod.Vault.Snapshots.Containers.Deflate;

/// <summary>A Huffman tree, built with zlib's choices among equals (zlib 1.2, trees.c, build_tree): they decide the bytes.</summary>
internal sealed class HuffmanTree
{
    private const int BitsMax = 15;

    private readonly byte[] extra;
    private readonly byte[]? fixedLengths;
    private readonly int extraFrom, bitsMax;
    private readonly int[] parent, heap, depth, weight, lengthOf;
    private int heapSize, heapTop;

    /// <param name="symbols">Symbols of the alphabet.</param>
    /// <param name="extra">Extra bits of the symbols from <paramref name="extraFrom"/> on.</param>
    /// <param name="extraFrom">See there.</param>
    /// <param name="bitsMax">Longest code.</param>
    /// <param name="fixedLengths">Lengths in the fixed tree, to count what that would cost.</param>
    public HuffmanTree(int symbols, byte[] extra, int extraFrom, int bitsMax, byte[]? fixedLengths)
    {
        (this.extra, this.extraFrom, this.bitsMax, this.fixedLengths) = (extra, extraFrom, bitsMax, fixedLengths);
        Frequency = new int[symbols];
        Lengths = new byte[symbols];
        Codes = new ushort[symbols];
        int nodes = 2 * symbols + 1;
        (parent, heap, depth, weight, lengthOf) = (new int[nodes], new int[nodes], new int[nodes], new int[nodes], new int[nodes]);
    }

    /// <summary>How often each symbol occurs.</summary>
    public int[] Frequency { get; }

    /// <summary>Bits of each symbol's code; 0 where it has none.</summary>
    public byte[] Lengths { get; }

    /// <summary>Each symbol's code, lowest bit first.</summary>
    public ushort[] Codes { get; }

    /// <summary>The highest symbol that has a code.</summary>
    public int Last { get; private set; }

    /// <summary>Bits that the symbols take with this tree, and with the fixed one, extra bits included.</summary>
    public (long Own, long Fixed) Cost { get; private set; }

    /// <summary>Canonical codes of the lengths (RFC 1951, 3.2.2), lowest bit first.</summary>
    public static void AssignCodes(ReadOnlySpan<byte> lengths, Span<ushort> codes)
    {
        Span<int> count = stackalloc int[BitsMax + 1], next = stackalloc int[BitsMax + 2];
        count.Clear();
        foreach (byte length in lengths)
            count[length]++;
        count[0] = 0;
        int code = 0;
        for (int bits = 1; bits <= BitsMax; bits++)
        {
            code = (code + count[bits - 1]) << 1;
            next[bits] = code;
        }
        for (int n = 0; n < lengths.Length; n++)
        {
            if (lengths[n] == 0)
                continue;
            int forward = next[lengths[n]]++, reversed = 0;
            for (int bit = 0; bit < lengths[n]; bit++, forward >>= 1)
                reversed = reversed << 1 | forward & 1;
            codes[n] = (ushort)reversed;
        }
    }

    /// <summary>Makes lengths and codes of the frequencies.</summary>
    public void Build()
    {
        int symbols = Frequency.Length;
        (heapSize, heapTop, Last) = (0, heap.Length, -1);
        long own = 0, inFixed = 0;
        for (int n = 0; n < symbols; n++)
        {
            Lengths[n] = 0;
            if (Frequency[n] == 0)
                continue;
            heap[++heapSize] = Last = n;
            (weight[n], depth[n]) = (Frequency[n], 0);
        }
        // A tree has two codes at least.
        while (heapSize < 2)
        {
            int forced = heap[++heapSize] = Last < 2 ? ++Last : 0;
            (weight[forced], depth[forced], Frequency[forced]) = (1, 0, 1);
            own--;
            inFixed -= fixedLengths?[forced] ?? 0;
        }
        for (int n = heapSize / 2; n >= 1; n--)
            SiftDown(n);
        int node = symbols;
        do
        {
            int least = heap[1];
            heap[1] = heap[heapSize--];
            SiftDown(1);
            int second = heap[1];
            heap[--heapTop] = least;
            heap[--heapTop] = second;
            weight[node] = weight[least] + weight[second];
            depth[node] = Math.Max(depth[least], depth[second]) + 1;
            parent[least] = parent[second] = node;
            heap[1] = node++;
            SiftDown(1);
        }
        while (heapSize >= 2);
        heap[--heapTop] = heap[1];
        (long bits, long fixedBits) = LimitLengths();
        Cost = (own + bits, inFixed + fixedBits);
        AssignCodes(Lengths, Codes);
    }

    private (long Own, long Fixed) LimitLengths()
    {
        Span<int> count = stackalloc int[BitsMax + 2];
        count.Clear();
        long own = 0, inFixed = 0;
        int overflow = 0;
        lengthOf[heap[heapTop]] = 0;
        for (int h = heapTop + 1; h < heap.Length; h++)
        {
            int n = heap[h], bits = lengthOf[parent[n]] + 1;
            if (bits > bitsMax)
            {
                bits = bitsMax;
                overflow++;
            }
            lengthOf[n] = bits;
            if (n > Last)
                continue;
            count[bits]++;
            Lengths[n] = (byte)bits;
            int more = n >= extraFrom ? extra[n - extraFrom] : 0;
            own += (long)weight[n] * (bits + more);
            inFixed += fixedLengths is null ? 0 : (long)weight[n] * (fixedLengths[n] + more);
        }
        if (overflow == 0)
            return (own, inFixed);
        for (; overflow > 0; overflow -= 2)
        {
            int bits = bitsMax - 1;
            while (count[bits] == 0)
                bits--;
            count[bits]--;
            count[bits + 1] += 2;
            count[bitsMax]--;
        }
        int from = heap.Length;
        for (int bits = bitsMax; bits != 0; bits--)
        {
            for (int left = count[bits]; left > 0;)
            {
                int n = heap[--from];
                if (n > Last)
                    continue;
                own += (long)(bits - Lengths[n]) * weight[n];
                Lengths[n] = (byte)bits;
                left--;
            }
        }
        return (own, inFixed);
    }

    private void SiftDown(int k)
    {
        int v = heap[k];
        for (int j = k << 1; j <= heapSize; j <<= 1)
        {
            if (j < heapSize && IsLess(heap[j + 1], heap[j]))
                j++;
            if (IsLess(v, heap[j]))
                break;
            heap[k] = heap[j];
            k = j;
        }
        heap[k] = v;
    }

    private bool IsLess(int a, int b) => weight[a] < weight[b] || (weight[a] == weight[b] && depth[a] <= depth[b]);
}
