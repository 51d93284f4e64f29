using System.Runtime.InteropServices;

namespace VmPod.Benchmarks.Data;

/// <summary>SplitMix64: data that is the same in every run. No use where numbers must not be guessed.</summary>
internal sealed class SplitMix(ulong seed)
{
    private ulong state = seed;

    /// <summary>The next number.</summary>
    public ulong Next()
    {
        unchecked
        {
            state += 0x9E3779B97F4A7C15;
            ulong z = state;
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
            z = (z ^ z >> 27) * 0x94D049BB133111EB;
            return z ^ z >> 31;
        }
    }

    /// <summary>A number from 0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>Fills with random bytes.</summary>
    public void Fill(Span<byte> into)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(into);
        for (int i = 0; i < words.Length; i++)
            words[i] = Next();
        for (int i = words.Length * sizeof(ulong); i < into.Length; i++)
            into[i] = (byte)(Next() >> 56);
    }
}
