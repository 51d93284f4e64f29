using CsCheck;

namespace VmPod.Sync.Tests.Wire;

/// <summary>Values of a generator one at a time, the same ones in the same order.</summary>
internal static class GenExamples
{
    private static readonly PCG Random = new(1, 20261122);

    internal static T Example<T>(this Gen<T> gen)
    {
        lock (Random)
            return gen.Generate(Random, null, out _);
    }
}
