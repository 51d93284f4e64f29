using System.Diagnostics;
using System.Net;
using CsCheck;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Tests.Wire;
using Xunit;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>The reader and writer of packets: a corpus that shares no code with them, properties, and mutated inputs.</summary>
public sealed class PacketTests
{
    private const int Inputs = 50_000;

    /// <summary>The most that a packet's reading may allocate: a label of one byte takes ten in the packet and an object here.</summary>
    private const int AllocatedBase = 8 * 1024, AllocatedPerByte = 64;

    private static readonly DnsType[] Asked = [DnsType.A, DnsType.Ptr, DnsType.Srv, DnsType.Any];

    private static readonly Gen<DnsName> Names = Gen.String[Gen.Char.AlphaNumeric, 1, 20].Array[1, 5].Select(labels => DnsName.Of(labels));
    private static readonly Gen<DnsRecord> Records = Gen.OneOf(
        Gen.Select(Names, Names, Gen.UInt).Select((n, t, ttl) => DnsRecord.Pointer(n, t, ttl)),
        Gen.Select(Names, Gen.Int[1, 65535], Names, Gen.UInt).Select((n, p, t, ttl) => DnsRecord.Service(n, p, t, ttl)),
        Gen.Select(Names, Gen.Byte.Array[0, 80].List[0, 3], Gen.UInt).Select((n, s, ttl) => DnsRecord.Text(n, s, ttl)),
        Gen.Select(Names, Gen.Byte.Array[4], Gen.UInt).Select((n, a, ttl) => DnsRecord.Host(n, new IPAddress(a), ttl)),
        Gen.Select(Names, Gen.Byte.Array[16], Gen.UInt).Select((n, a, ttl) => DnsRecord.Host(n, new IPAddress(a), ttl)));
    private static readonly Gen<DnsQuestion> Questions = Gen.Select(Names, Gen.Int[0, Asked.Length - 1], Gen.Bool)
        .Select((n, t, u) => new DnsQuestion(n, Asked[t], u));
    private static readonly Gen<DnsMessage> Messages = Gen.Select(Gen.UShort, Gen.Bool, Questions.Array[0, 4], Records.Array[0, 6], Records.Array[0, 3],
        Records.Array[0, 3]).Select((id, response, q, a, n, x) => new DnsMessage
        {
            Id = id,
            IsResponse = response,
            Questions = q,
            Answers = a,
            Authorities = n,
            Additionals = x,
        });

    public static TheoryData<string> Corpus => [.. Packets.All.Select(p => p.Name)];

    [Theory]
    [MemberData(nameof(Corpus))]
    [Trait("Spec", "S-110")]
    [Trait("Spec", "S-111")]
    public void A_packet_of_the_corpus_is_read_or_dropped_as_it_says(string name)
    {
        (bool isRead, _, byte[] bytes) = Packets.All.Single(p => p.Name == name);
        Assert.Equal(isRead, DnsReader.TryRead(bytes, out DnsMessage? message));
        Assert.Equal(isRead, message is not null);
    }

    [Fact]
    [Trait("Spec", "S-110")]
    public void An_announcement_says_what_was_written_compressed_or_not()
    {
        DnsMessage plain = TestLink.Read(Packets.Of("announcement"));
        Assert.Equal([DnsType.Ptr, DnsType.Srv, DnsType.Txt, DnsType.A, DnsType.Aaaa], plain.Answers.Select(r => r.Type));
        DnsName instance = PodService.Type.Under("0123456789abcdef");
        Assert.Equal(instance, plain.Answers[0].Target);
        Assert.Equal((7413, DnsName.Of("fedcba9876543210", "local")), (plain.Answers[1].Port, plain.Answers[1].Target));
        Assert.Equal(["v=1", "t="], plain.Answers[2].Strings().Select(s => System.Text.Encoding.ASCII.GetString(s)[..Math.Min(s.Length, s[0] == 't' ? 2 : 3)]));
        Assert.Equal(IPAddress.Parse("10.77.0.1"), plain.Answers[3].Address);
        Assert.Equal(IPAddress.Parse("fe80::1"), plain.Answers[4].Address);
        DnsMessage compressed = TestLink.Read(Packets.Of("announcement-compressed"));
        Assert.Equal(instance, compressed.Answers[0].Target);
        Assert.Equal(instance, compressed.Answers[1].Name);
        Assert.Equal(DnsName.Of("HOST", "LOCAL"), compressed.Additionals[0].Name);
        // What this project writes itself is no larger than what names without compression take.
        Assert.True(DnsWriter.Write(plain).Length < Packets.Of("announcement").Length);
    }

    [Fact]
    [Trait("Spec", "S-110")]
    public void What_is_written_reads_as_the_same_message_within_a_frame_and_the_rest_is_left_out() => Messages.Sample(message =>
    {
        byte[] packet = DnsWriter.Write(message, 9000), small = DnsWriter.Write(message, 200);
        DnsMessage read = TestLink.Read(packet), part = TestLink.Read(small);
        Assert.True(small.Length <= 200);
        Assert.Equal(message.Questions, read.Questions);
        foreach (Func<DnsMessage, IReadOnlyList<DnsRecord>> section in new Func<DnsMessage, IReadOnlyList<DnsRecord>>[]
            { m => m.Answers, m => m.Authorities, m => m.Additionals })
        {
            Assert.Equal(section(message), section(read));
            Assert.Equal(section(message).Select(r => (r.TtlSeconds, r.IsUnique)), section(read).Select(r => (r.TtlSeconds, r.IsUnique)));
            Assert.Equal(section(message).Take(section(part).Count), section(part));
        }
    }, iter: 2000, seed: "0000KL3p9B22");

    [Fact]
    [Trait("Spec", "S-110")]
    public void A_packet_of_more_than_9000_bytes_is_dropped()
    {
        Assert.True(DnsReader.TryRead([.. Packets.Of("empty"), .. new byte[9000 - 12]], out _));
        Assert.False(DnsReader.TryRead([.. Packets.Of("empty"), .. new byte[9001 - 12]], out _));
    }

    [Fact]
    [Trait("Spec", "S-111")]
    [Trait("Threat", "T-40")]
    public void Every_mutated_packet_is_read_or_dropped_within_bounded_memory_and_what_is_read_can_be_written()
    {
        var mutator = new Mutator(20261123);
        byte[][] seeds = [.. Packets.All.Select(p => p.Bytes).Where(b => b.Length < 2000)];
        int read = 0;
        long begun = Stopwatch.GetTimestamp();
        for (int i = 0; i < Inputs; i++)
        {
            ReadOnlySpan<byte> input = mutator.Mutate(seeds[i % seeds.Length], seeds[(i * 7 + 1) % seeds.Length]);
            long before = GC.GetAllocatedBytesForCurrentThread();
            bool isRead = DnsReader.TryRead(input, out DnsMessage? message);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated <= AllocatedBase + AllocatedPerByte * input.Length, $"{input.Length} bytes made {allocated}: {Convert.ToHexString(input)}");
            if (!isRead)
                continue;
            read++;
            DnsMessage again = TestLink.Read(DnsWriter.Write(message!, 65_000));
            Assert.True(again.Answers.SequenceEqual(message!.Answers) && again.Additionals.SequenceEqual(message.Additionals), Convert.ToHexString(input));
            // Whatever it is, a responder and a browser live with it.
            if (i % 16 == 0)
                Live(message);
        }
        Assert.InRange(read, Inputs / 100, Inputs * 99 / 100);
        TestContext.Current.SendDiagnosticMessage($"{Inputs} packets, {read} read, {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s");
    }

    private static void Live(DnsMessage message)
    {
        var responder = new TestResponder();
        responder.Responder.Receive(message, TestLink.Neighbour, TimeSpan.Zero);
        responder.Responder.Run(TestLink.Ms(1000));
        var browser = new TestBrowser();
        browser.Browser.Receive(message, TimeSpan.Zero);
        browser.Browser.Run(TestLink.Ms(1000));
    }
}
