namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>Numbers that are the same for the same seed (SplitMix64): what was found is found again.</summary>
internal struct Seeded(ulong seed)
{
    private ulong state = seed;

    internal int Below(int bound)
    {
        unchecked
        {
            state += 0x9E3779B97F4A7C15;
            ulong z = state;
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
            z = (z ^ z >> 27) * 0x94D049BB133111EB;
            return (int)((z ^ z >> 31) % (ulong)bound);
        }
    }
}
