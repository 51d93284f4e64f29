using VmPod.Foundation;
using VmPod.HostGuard.Machine;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

[Trait("Threat", "T-05")]
public sealed class StateFileTests
{
    [Fact]
    public void What_was_appended_is_read_back_from_the_start()
    {
        using var state = new StateFile();
        state.Append("device "u8);
        state.Append("state"u8);
        state.Rewind();
        var bytes = new byte[100];

        Assert.Equal(12, state.Length);
        Assert.Equal(12, state.Read(0, bytes));
        Assert.Equal("device state"u8, bytes.AsSpan(0, 12));
        Assert.Equal(5, state.Read(7, bytes));
        Assert.Equal(0, state.Read(12, bytes));
        Assert.Equal(12, RandomAccess.GetLength(state.Handle));
    }

    [Fact]
    [Trait("Spec", "H-04")]
    public void A_state_beyond_the_bound_is_refused_by_us_and_by_the_kernel()
    {
        using var state = new StateFile();
        state.Append(new byte[MachineLimits.StateBytesMax - 4]);

        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => state.Append(new byte[5])).ExitCode);
        // QEMU writes to the descriptor itself.
        _ = Assert.ThrowsAny<Exception>(() => RandomAccess.Write(state.Handle, new byte[8192], MachineLimits.StateBytesMax));
        Assert.Equal(MachineLimits.StateBytesMax, RandomAccess.GetLength(state.Handle));
    }

    [Fact]
    [Trait("Spec", "H-04")]
    public void Disposing_leaves_nothing_to_whoever_still_holds_the_file()
    {
        var state = new StateFile();
        state.Append(Enumerable.Repeat((byte)7, 10_000).ToArray());
        using var other = File.OpenHandle($"/proc/self/fd/{state.Handle.DangerousGetHandle()}");
        Assert.Equal(7, ReadByte(other));

        state.Dispose();

        Assert.Equal(-1, ReadByte(other));

        static int ReadByte(Microsoft.Win32.SafeHandles.SafeFileHandle file)
        {
            var one = new byte[1];
            return RandomAccess.Read(file, one, 0) == 1 ? one[0] : -1;
        }
    }
}
