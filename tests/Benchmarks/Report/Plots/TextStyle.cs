namespace VmPod.Benchmarks.Report.Plots;

/// <summary>How a text stands in a plot.</summary>
internal enum TextStyle
{
    /// <summary>From its left end.</summary>
    Normal,

    /// <summary>Up to its right end.</summary>
    RightAligned,

    /// <summary>Around its middle.</summary>
    Centered,

    /// <summary>From its left end, large.</summary>
    Title,
}
