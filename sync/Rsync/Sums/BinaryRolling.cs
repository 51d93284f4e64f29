namespace VmPod.Sync.Rsync.Sums;

/// <summary>"Adler32" (<see cref="AdlerSums.Binary"/>) of a window that moves.</summary>
internal struct BinaryRolling(int windowBytes) : IRolling
{
    private uint a, b;

    /// <inheritdoc/>
    public readonly uint Value => b << 16 | a & 0xFFFF;

    /// <inheritdoc/>
    public void Start(ReadOnlySpan<byte> window)
    {
        uint sum = AdlerSums.Binary(window);
        (a, b) = (sum & 0xFFFF, sum >> 16);
    }

    /// <inheritdoc/>
    public void Roll(byte leaving, byte entering)
    {
        unchecked
        {
            a += (uint)(entering - leaving);
            b += a - 1 - (uint)windowBytes * leaving;
        }
    }
}
