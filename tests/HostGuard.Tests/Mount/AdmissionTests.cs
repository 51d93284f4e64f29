using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>The attack: another user of the host opens the session's files.</summary>
[Trait("Threat", "T-11")]
[Collection(MountCollection.Name)]
public sealed class AdmissionTests
{
    private const uint HypervisorUid = 4242;

    [Fact]
    [Trait("Spec", "H-10")]
    public void A_third_uid_is_refused_at_open_while_the_hypervisor_s_and_ours_come_in()
    {
        using var folder = new MountedFolder(Options, new PatternFile("ram", 1 << 20));
        Assert.Equal(0, ReadAs(HypervisorUid, folder).ExitCode);
        Assert.Equal(0, Child.Run("head", "-c", "4096", folder.PathOf("ram")).ExitCode);
        (int exit, _, string errors) = ReadAs(4243, folder);
        Assert.NotEqual(0, exit);
        Assert.Contains("Permission denied", errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Spec", "H-10")]
    public void A_third_uid_cannot_list_the_folder()
    {
        using var folder = new MountedFolder(Options, new PatternFile("ram", 1 << 20));
        Assert.Contains("ram", AsUid(HypervisorUid, "ls", folder.Folder).Output, StringComparison.Ordinal);
        Assert.Contains("Permission denied", AsUid(4243, "ls", folder.Folder).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_check_at_open_a_third_uid_reads_guest_memory()
    {
        using var folder = new MountedFolder(Options with { CheckUidAtOpen = false }, new PatternFile("ram", 1 << 20));
        Assert.Equal(0, ReadAs(4243, folder).ExitCode);
    }

    [Fact]
    public void Without_an_allowed_uid_the_kernel_lets_nobody_else_in()
    {
        using var folder = new MountedFolder(new PatternFile("ram", 1 << 20));
        Assert.NotEqual(0, ReadAs(HypervisorUid, folder).ExitCode);
        Assert.Equal(0, Child.Run("head", "-c", "4096", folder.PathOf("ram")).ExitCode);
    }

    private static FuseMountOptions Options => new() { AllowedUid = HypervisorUid, OwnerUid = HypervisorUid };

    private static (int ExitCode, string Output, string Errors) ReadAs(uint uid, MountedFolder folder) =>
        AsUid(uid, "dd", $"if={folder.PathOf("ram")}", "of=/dev/null", "bs=4096", "count=1");

    private static (int ExitCode, string Output, string Errors) AsUid(uint uid, params string[] command) =>
        Child.Run("setpriv", [$"--reuid={uid}", $"--regid={uid}", "--clear-groups", .. command]);
}
