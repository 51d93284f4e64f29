using CsCheck;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using Xunit;

namespace VmPod.Sync.Tests.Wire;

/// <summary>A million mutated inputs and more: read canonically, or refused; never another exception, never much memory.</summary>
public sealed class FuzzTests
{
    private const int InputsOfMessages = 1_000_000, StreamsOfFrames = 40_000, FramesOfStream = 6;

    /// <summary>Objects of a message that is as small as a name, and the exception that tells of an old version.</summary>
    private const int AllocatedBase = 12 * 1024;

    [Fact]
    [Trait("Spec", "S-62")]
    [Trait("Spec", "S-64")]
    public void Every_mutated_message_is_canonical_or_refused_within_bounded_memory()
    {
        var mutator = new Mutator(20261122);
        int inputsOfCase = InputsOfMessages / WireCases.All.Count + 1, inputs = 0, accepted = 0;
        foreach (WireCase message in WireCases.All)
        {
            byte[][] seeds = [.. Enumerable.Range(0, 40).Select(_ => message.Bodies.Example())];
            for (int i = 0; i < inputsOfCase; i++)
            {
                ReadOnlySpan<byte> input = mutator.Mutate(seeds[i % seeds.Length], seeds[(i + 1) % seeds.Length]);
                Func<byte[]>? again = null;
                long before = GC.GetAllocatedBytesForCurrentThread();
                try
                {
                    again = message.Read(input);
                }
                catch (VmPodException e) when (e.ExitCode == ExitCode.Refused && message.Type == WireType.Hello)
                {
                    // Another version, refused with a word.
                }
                long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                Assert.True(allocated <= AllocatedBase + 12 * input.Length, $"{message.Name}: {input.Length} bytes made {allocated}");
                inputs++;
                if (again is null)
                    continue;
                accepted++;
                // Errors are cleaned, not refused; a HELLO may name versions that this program does not speak.
                int from = message.Type == WireType.Hello ? HelloPrefix.Bytes : 0;
                if (message.Type != WireType.Error)
                    Assert.True(again().AsSpan(from).SequenceEqual(input[from..]), $"{message.Name} is written otherwise: {Convert.ToHexString(input)}");
            }
        }
        Assert.True(inputs >= InputsOfMessages);
        Assert.InRange(accepted, inputs / 100, inputs * 99 / 100);        // neither too wild nor too tame
    }

    [Theory]
    [InlineData(WireRole.Host)]
    [InlineData(WireRole.Pod)]
    [Trait("Spec", "S-60")]
    [Trait("Spec", "S-61")]
    public void Every_mutated_stream_of_frames_ends_as_declared_within_bounded_memory(WireRole peer)
    {
        var mutator = new Mutator(30261122);
        WireCase[] cases = [.. WireCases.All.Where(c => c.From == peer && c.Type != WireType.Hello && c.Bodies.Example().Length < 8000)];
        byte[][] streams = [.. Enumerable.Range(0, 60).Select(i =>
            StreamOf([.. Enumerable.Range(0, FramesOfStream).Select(j => cases[(i * 7 + j) % cases.Length])]))];
        byte[] memory = new byte[WireLimits.PodReceiveBytes];
        int frames = 0, broken = 0, lost = 0;
        for (int i = 0; i < StreamsOfFrames; i++)
        {
            byte[] input = mutator.Mutate(streams[i % streams.Length], streams[(i + 1) % streams.Length]).ToArray();
            using var stream = new MemoryStream(input, writable: false);
            var receiver = new FrameReceiver(stream, peer, memory, TimeProvider.System);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                while (true)
                {
                    (_, FrameBlock body) = receiver.Read(WireCases.CellBytes, isHelloDue: false);
                    body.Return();
                    frames++;
                }
            }
            catch (VmPodException e) when (e.ExitCode is ExitCode.Damaged or ExitCode.LinkLost)
            {
                if (e.ExitCode == ExitCode.Damaged)
                    broken++;
                else
                    lost++;
            }
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before <= 16 * 1024, "a frame's body is not on the heap");
            Assert.Equal(0, receiver.WaitingBytes);
        }
        Assert.True(frames > StreamsOfFrames && broken > 1000 && lost > 1000, $"{frames} frames, {broken} broken, {lost} lost");
    }

    private static byte[] StreamOf(WireCase[] cases)
    {
        var bytes = new List<byte>();
        foreach (WireCase message in cases)
        {
            byte[] body = message.Bodies.Example(), header = new byte[WireLimits.HeaderBytes];
            bool isOneWay = WireRule.Of(message.Type, WireCases.CellBytes)!.Value.Kind == FrameKind.OneWay;
            new FrameHeader(message.Type, isOneWay ? 0u : 7u, body.Length).WriteTo(header);
            bytes.AddRange(header);
            bytes.AddRange(body);
        }
        return [.. bytes];
    }
}
