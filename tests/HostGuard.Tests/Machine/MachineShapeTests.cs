using System.Text;
using VmPod.Foundation;
using VmPod.HostGuard.Machine;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

[Trait("Threat", "T-15")]
public sealed class MachineShapeTests
{
    private const string Valid =
        """{"version":1,"machine_type":"pc-i440fx-7.2","cpu_model":"qemu64","cpus":2,"memory_bytes":536870912,""" +
        "\"display\":false,\"network_card\":false,\"test_agent\":true}";

    [Fact]
    public void A_shape_comes_back_as_it_was_written()
    {
        Assert.Equal(Valid, Encoding.UTF8.GetString(SuspendedGuest.Shape.ToJson()));
        Assert.Equal(SuspendedGuest.Shape, MachineShape.FromJson(SuspendedGuest.Shape.ToJson()));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("")]
    [InlineData("[1]")]
    [Trait("Spec", "H-02")]
    public void What_is_no_shape_is_refused(string json) => Refused(json);

    [Theory]
    [InlineData("\"version\":1", "\"version\":2")]
    [InlineData("pc-i440fx-7.2", "pc")]                                   // unversioned
    [InlineData("pc-i440fx-7.2", "q35")]
    [InlineData("pc-i440fx-7.2", "pc-i440fx-7.2,dump-guest-core=on")]
    [InlineData("pc-i440fx-7.2", "pc-i440fx-7.2\\n")]
    [InlineData("qemu64", "host")]
    [InlineData("qemu64", "max")]
    [InlineData("qemu64", "qemu64,+vmx")]
    [InlineData("\"cpus\":2", "\"cpus\":0")]
    [InlineData("\"cpus\":2", "\"cpus\":17")]
    [InlineData("\"cpus\":2", "\"cpus\":\"2\"")]
    [InlineData("\"cpus\":2,", "")]
    [InlineData("\"cpus\":2", "\"cpus\":2,\"cpus\":2")]
    [InlineData("\"cpus\":2", "\"cpus\":2,\"usb\":true")]
    [InlineData("536870912", "536870913")]
    [InlineData("536870912", "-536870912")]
    [InlineData("536870912", "1048576")]
    [InlineData("536870912", "9223372036854775807")]
    [InlineData("\"qemu64\"", "null")]
    [Trait("Spec", "H-02")]
    public void One_wrong_member_is_refused(string right, string wrong)
    {
        Assert.Contains(right, Valid, StringComparison.Ordinal);
        _ = MachineShape.FromJson(Encoding.UTF8.GetBytes(Valid));

        Refused(Valid.Replace(right, wrong, StringComparison.Ordinal));
    }

    private static void Refused(string json)
    {
        VmPodException error = Assert.Throws<VmPodException>(() => MachineShape.FromJson(Encoding.UTF8.GetBytes(json)));
        Assert.Equal(ExitCode.Damaged, error.ExitCode);
    }
}
