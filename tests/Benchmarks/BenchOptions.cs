namespace VmPod.Benchmarks;

/// <summary>What the caller asked for.</summary>
/// <param name="Sessions">A folder with gen0, gen1, ...; null for generated ones.</param>
/// <param name="Quick">Small synthetic data in place of a guest's.</param>
/// <param name="Rounds">How often the comparisons run; medians are printed.</param>
/// <param name="Log">Where to say what is going on.</param>
internal sealed record BenchOptions(string? Sessions, bool Quick, int Rounds, TextWriter Log)
{
    /// <summary>Rates of links in Mbit/s, of `transfer`; null for its own.</summary>
    public IReadOnlyList<int>? Links { get; init; }

    /// <summary>Delays of links in ms each way, of `transfer`; null for its own.</summary>
    public IReadOnlyList<int>? Delays { get; init; }
}
