namespace VmPod.Benchmarks.Vaults;

/// <summary>A primitive that a put is made of, measured by itself on one thread.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Per">What it works on.</param>
/// <param name="CpuS">CPU seconds over the sample.</param>
/// <param name="WallS">By the clock.</param>
internal sealed record Stage(string Name, StageUnit Per, double CpuS, double WallS)
{
    /// <summary>Part of a put; otherwise only for comparison.</summary>
    public bool IsOfPut { get; init; } = true;
}
