using System.Security.Cryptography;
using VmPod.Sync.Channel;
using Xunit;

namespace VmPod.Sync.Tests.Channel;

public sealed class HandshakeTests
{
    [Fact]
    [Trait("Spec", "S-20")]
    [Trait("Spec", "S-29")]
    public void Host_and_pod_of_one_pairing_exchange_bytes_and_share_an_exporter()
    {
        using Ends ends = Ends.Connect();
        ends.Host.Stream.Write("from the host"u8);
        ends.Pod.Stream.Write("from the pod"u8);
        Assert.Equal("from the host"u8, Read(ends.Pod.Stream, 13));
        Assert.Equal("from the pod"u8, Read(ends.Host.Stream, 12));
        Assert.Equal((UInt128)1, ends.Pod.PairingId);
        Assert.Equal(ChannelCipher.Aes128Gcm, ends.Pod.Cipher);
        Assert.True(ends.Host.Exporter.FixedTimeEquals(ends.Pod.Exporter));
        using Ends others = Ends.Connect();
        Assert.False(ends.Host.Exporter.FixedTimeEquals(others.Pod.Exporter));
    }

    [Fact]
    public async Task Both_directions_at_once_carry_every_byte()
    {
        using Ends ends = Ends.Connect();
        byte[] data = RandomNumberGenerator.GetBytes(8 << 20);
        Task writers = Task.WhenAll(Task.Run(() => ends.Host.Stream.Write(data)), Task.Run(() => ends.Pod.Stream.Write(data)));
        Task<byte[]> host = Task.Run(() => Read(ends.Host.Stream, data.Length).ToArray());
        Assert.Equal(data, Read(ends.Pod.Stream, data.Length).ToArray());
        Assert.Equal(data, await host);
        await writers;
    }

    private static Span<byte> Read(Stream stream, int length)
    {
        byte[] bytes = new byte[length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
