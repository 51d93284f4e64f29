namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>SplitMix64: the same numbers for a seed for ever, whatever the runtime. All that a simulated world leaves to chance comes from one.</summary>
internal sealed class SimRandom(ulong seed)
{
    private ulong state = seed;

    /// <summary>One of its own, for what must not shift what is drawn after it.</summary>
    internal static SimRandom Of(ulong seed, ulong salt) => new(new SimRandom(seed ^ new SimRandom(salt).Next()).Next());

    internal ulong Next()
    {
        unchecked
        {
            ulong z = state += 0x9E3779B97F4A7C15UL;
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ z >> 27) * 0x94D049BB133111EBUL;
            return z ^ z >> 31;
        }
    }

    /// <summary>0 to <paramref name="count"/> - 1.</summary>
    internal int Below(int count) => (int)(Next() % (ulong)count);

    /// <summary>True so many times in a thousand.</summary>
    internal bool PerMille(int share) => Below(1000) < share;

    internal void Fill(Span<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)(Next() & byte.MaxValue);
    }
}
