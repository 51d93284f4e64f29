namespace VmPod.Sync.Rsync.Sums;

/// <summary>The sum of a window of fixed size, which moves on by a byte. Structs, so that the search is compiled for each.</summary>
internal interface IRolling
{
    /// <summary>The sum of the window.</summary>
    uint Value { get; }

    /// <summary>Begins with this window.</summary>
    void Start(ReadOnlySpan<byte> window);

    /// <summary>One byte leaves at the begin, one enters at the end.</summary>
    void Roll(byte leaving, byte entering);
}
