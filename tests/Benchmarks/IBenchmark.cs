using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks;

/// <summary>One benchmark of `./vmpod bench NAME`.</summary>
internal interface IBenchmark
{
    /// <summary>Its name on the command line and of its JSON file.</summary>
    string Name { get; }

    /// <summary>What it measures, in a line.</summary>
    string Purpose { get; }

    /// <summary>Runs it.</summary>
    BenchReport Run(BenchOptions options);
}
