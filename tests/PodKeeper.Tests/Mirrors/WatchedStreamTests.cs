using System.IO.Pipes;
using VmPod.PodKeeper.Mirrors;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>A link on which nobody speaks.</summary>
public sealed class WatchedStreamTests
{
    [Fact]
    [Trait("Spec", "S-171")]
    public void A_read_that_waits_too_long_is_told_of_and_one_that_does_not_is_not()
    {
        using var silent = new AnonymousPipeServerStream(PipeDirection.Out);
        using var hears = new AnonymousPipeClientStream(PipeDirection.In, silent.ClientSafePipeHandle);
        using var told = new ManualResetEventSlim();
        using (var watched = new WatchedStream(hears, TimeSpan.FromHours(1), told.Set))
        {
            silent.Write("x"u8);
            Assert.Equal('x', watched.ReadByte());
        }
        Assert.False(told.IsSet);
        using var impatient = new WatchedStream(hears, TimeSpan.FromMilliseconds(1), told.Set);
        var reading = new Thread(() => _ = impatient.ReadByte());
        reading.Start();
        told.Wait(TestContext.Current.CancellationToken);
        silent.Write("y"u8);
        reading.Join();
    }
}
