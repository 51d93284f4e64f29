using VmPod.Foundation;
using VmPod.HostGuard.Machine;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>What is asked of the host before a machine starts.</summary>
public sealed class HostChecksTests
{
    private const string Heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

    [Theory]
    [InlineData("", SwapProtection.NoSwap)]
    [InlineData("/dev/dm-0                               partition\t1000\t0\t-2\n", SwapProtection.EncryptedSwap)]
    [InlineData("/dev/zram0                              partition\t1000\t0\t100\n", SwapProtection.EncryptedSwap)]
    public void Swap_that_cannot_be_read_later_is_accepted(string lines, SwapProtection expected) =>
        Assert.Equal(expected, SwapCheck.Judge(Heading + lines, SysBlock));

    [Theory]
    [InlineData("/dev/sda2                               partition\t1000\t0\t-2\n")]
    [InlineData("/swapfile                               file\t1000\t0\t-2\n")]
    [InlineData("/dev/dm-1                               partition\t1000\t0\t-2\n")]      // LVM in the clear
    [InlineData("/dev/zram1                              partition\t1000\t0\t-2\n")]      // writes back to a disk
    [InlineData("/dev/dm-0                               partition\t1000\t0\t-2\n" +
        "/dev/sda2                               partition\t1000\t0\t-3\n")]
    [Trait("Threat", "T-06")]
    public void Swap_in_the_clear_is_refused_with_its_name_and_the_cure(string lines)
    {
        VmPodException error = Assert.Throws<VmPodException>(() => SwapCheck.Judge(Heading + lines, SysBlock));

        Assert.Equal(ExitCode.Missing, error.ExitCode);
        Assert.Contains("swapoff /", error.Hint!, StringComparison.Ordinal);
    }

    [Fact]
    public void A_host_without_the_KVM_device_is_told_so()
    {
        AcceleratorReport report = AcceleratorProbe.Probe("/dev/shm/vmpod-no-kvm");

        Assert.False(report.KvmWorthTrying);
        Assert.NotNull(report.Cure);
    }

    [Fact]
    public void The_KVM_that_runs_no_stock_kernel_counts_as_none()
    {
        using var modules = new SharedFolder();
        // The control: without the module this stand-in for /dev/kvm fails for another reason.
        Assert.DoesNotContain("kvm-pvm", AcceleratorProbe.Probe("/dev/null", modules.FullPath).Reasons[0], StringComparison.Ordinal);
        _ = Directory.CreateDirectory(modules["kvm_pvm"]);

        AcceleratorReport report = AcceleratorProbe.Probe("/dev/null", modules.FullPath);

        Assert.False(report.KvmWorthTrying);
        Assert.Contains("kvm-pvm", report.Reasons[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_that_does_not_speak_KVM_is_refused()
    {
        using var modules = new SharedFolder();

        Assert.Contains("does not speak", AcceleratorProbe.Probe("/dev/null", modules.FullPath).Reasons[0], StringComparison.Ordinal);
    }

    private static string? SysBlock(string path) => path switch
    {
        "dm-0/dm/uuid" => "CRYPT-LUKS2-0123-swap\n",
        "dm-1/dm/uuid" => "LVM-abc\n",
        "zram0/backing_dev" => "none\n",
        "zram1/backing_dev" => "/dev/sdb1\n",
        _ => null,
    };
}
