namespace VmPod.Benchmarks.Transfer;

/// <summary>What kind of figure a <see cref="Measured"/> is.</summary>
internal enum MeasuredHow
{
    /// <summary>From begin to end.</summary>
    Whole,

    /// <summary>Of a plain copy that was ended early: the time for all its bytes at the pace that it had until then.</summary>
    ByPace,

    /// <summary>It was ended early: it takes longer than this.</summary>
    AtLeast,
}
