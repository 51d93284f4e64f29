namespace VmPod.Sync.Rsync.Sums;

/// <summary>"Adler32V3" (<see cref="AdlerSums.Prime"/>) of a window that moves.</summary>
internal struct PrimeRolling : IRolling
{
    private const int Modulus = (int)AdlerSums.Modulus;

    // What leaves b with a byte of each value: it, once for each byte of the window, and the 1 with which a begins.
    private readonly int[] leaves;
    private int a, b;

    internal PrimeRolling(int windowBytes)
    {
        leaves = new int[256];
        for (int value = 0; value < leaves.Length; value++)
            leaves[value] = (windowBytes * value + 1) % Modulus;
    }

    /// <inheritdoc/>
    public readonly uint Value => (uint)b << 16 | (uint)a;

    /// <inheritdoc/>
    public void Start(ReadOnlySpan<byte> window)
    {
        uint sum = AdlerSums.Prime(window);
        (a, b) = ((int)(sum & 0xFFFF), (int)(sum >> 16));
    }

    /// <inheritdoc/>
    public void Roll(byte leaving, byte entering)
    {
        unchecked
        {
            // What does not wait for the byte before stands in brackets.
            a = Reduced(a + (entering - leaving));
            b = Reduced(b + (a - leaves[leaving]));
        }
    }

    // Of a number above -Modulus and below twice Modulus. Without a branch: which way it went would be a guess at each byte.
    private static int Reduced(int value)
    {
        unchecked
        {
            value += value >> 31 & Modulus;
            value -= Modulus;
            return value + (value >> 31 & Modulus);
        }
    }
}
