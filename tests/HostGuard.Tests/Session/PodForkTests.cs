using VmPod.HostGuard.Pods;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.HostGuard.Tests.Session;

/// <summary>What a host says of forks that wait on its pod.</summary>
public sealed class PodForkTests
{
    private const ulong Noon = 1_700_000_000_000;

    [Fact]
    [Trait("Spec", "P-135")]
    public void One_line_says_whose_forks_a_session_has_and_none_is_said_where_none_waits()
    {
        PodFork one = PodFork.Of(0x27D1F0A9C4E85B36, "laptop", Noon, GenerationKind.DiskOnly, CommitTrust.Sound);
        PodFork other = PodFork.Of(5, null, ulong.MaxValue, GenerationKind.Draft, CommitTrust.Refused);
        Assert.Null(PodFork.Warning("work", null));
        Assert.Null(PodFork.Warning("work", []));
        Assert.Equal("session work has a fork left behind by laptop at 2023-11-14 22:13:20 UTC: podkeeper forks DIR work on the pod, or "
            + "--fork fork-27d1f0a9c4e85b36", PodFork.Warning("work", [one]));
        Assert.Contains("another host", PodFork.Warning("work", [other]), StringComparison.Ordinal);
        Assert.StartsWith("session work has 2 forks left behind, the last by another host at 9999-12-31", PodFork.Warning("work", [other, one]),
            StringComparison.Ordinal);
        Assert.Equal(("disk-only", "sound", "draft", "refused"), (one.Kind, one.State, other.Kind, other.State));
    }
}
