using Xunit;

namespace VmPod.ThreatModel.Checks;

/// <summary>How a check fails: with all that it found, one a line.</summary>
public static class Violations
{
    /// <summary>Fails unless the list is empty.</summary>
    public static void MustBeNone(IReadOnlyList<string> violations) =>
        Assert.True(violations.Count == 0, $"{violations.Count} violations:\n{string.Join('\n', violations)}");
}
