using System.Net;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Announcing;
using VmPod.Sync.Discovery.Dns;
using Xunit;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>The responder by the rules of RFC 6762, without sockets and with a clock of the test's.</summary>
public sealed class ResponderTests
{
    private static DnsName Type => PodService.Type;

    [Fact]
    [Trait("Spec", "S-105")]
    public void It_asks_three_times_whether_its_names_are_free_and_then_announces_twice()
    {
        var responder = new TestResponder();
        _ = responder.Pass(5000);
        Assert.Equal(5, responder.Sent.Count);
        Assert.All(responder.Sent, s => Assert.Null(s.To));
        var probes = responder.Sent[..3];
        Assert.All(probes, p => Assert.False(p.Message.IsResponse));
        Assert.All(probes, p => Assert.Equal([new DnsQuestion(TestLink.Instance, DnsType.Any), new DnsQuestion(TestLink.Host, DnsType.Any)],
            p.Message.Questions));
        Assert.All(probes, p => Assert.Equal([DnsType.Srv, DnsType.Txt, DnsType.A, DnsType.Aaaa], p.Message.Authorities.Select(r => r.Type)));
        Assert.InRange(probes[0].At, TimeSpan.Zero, TestLink.Ms(251));
        Assert.Equal(TestLink.Ms(250), probes[1].At - probes[0].At);
        Assert.Equal(TestLink.Ms(250), probes[2].At - probes[1].At);
        Assert.Equal(TestLink.Ms(250), responder.Sent[3].At - probes[2].At);
        Assert.Equal(TestLink.Ms(1000), responder.Sent[4].At - responder.Sent[3].At);
        foreach (DnsMessage announcement in responder.Sent[3..].Select(s => s.Message))
        {
            Assert.True(announcement.IsResponse);
            Assert.Equal([DnsType.Ptr, DnsType.Srv, DnsType.Txt, DnsType.A, DnsType.Aaaa, DnsType.Ptr], announcement.Answers.Select(r => r.Type));
            // Others may have a pod too, or services; nobody has these names.
            Assert.All(announcement.Answers, r => Assert.Equal(r.Type != DnsType.Ptr, r.IsUnique));
            Assert.All(announcement.Answers, r => Assert.Equal(DiscoveryLimits.TtlSeconds, r.TtlSeconds));
        }
    }

    [Fact]
    [Trait("Spec", "S-106")]
    public void A_name_that_somebody_has_is_given_up_for_another_before_anything_was_announced()
    {
        var responder = new TestResponder();
        _ = responder.Pass(300);
        DnsRecord theirs = DnsRecord.Service(TestLink.Instance, 1, DnsName.Of("other", "local"), 120);
        responder.Responder.Receive(TestLink.Say(theirs), TestLink.Neighbour, responder.Now);
        responder.Sent.Clear();
        _ = responder.Pass(5000);
        Assert.Equal("instance2", responder.Responder.Announced.Instance);
        Assert.Equal(5, responder.Sent.Count);
        Assert.All(responder.Sent.Take(3), s => Assert.Equal(Type.Under("instance2"), s.Message.Questions[0].Name));
    }

    [Fact]
    [Trait("Spec", "S-106")]
    public void A_name_that_was_its_own_is_asked_for_again_when_somebody_says_otherwise_and_kept_if_nobody_answers()
    {
        TestResponder responder = TestResponder.Running();
        DnsMessage other = TestLink.Say(DnsRecord.Host(TestLink.Host, IPAddress.Parse("10.77.0.66"), 120));
        Assert.Equal(3, responder.Hear(other).Count(s => s.Message.Questions.Count == 2));
        _ = responder.Pass(3000);
        Assert.True(responder.Responder.IsOwner);
        Assert.Equal("instance1", responder.Responder.Announced.Instance);
        // What it says itself, and hears again over another socket, is no contradiction.
        Assert.Empty(responder.Hear(TestLink.Say(DnsRecord.Host(TestLink.Host, IPAddress.Parse("10.77.0.1"), 120))));
    }

    [Fact]
    [Trait("Spec", "S-106")]
    public void Somebody_who_claims_every_name_makes_it_wait_and_not_flood_the_link()
    {
        var responder = new TestResponder();
        int claimed = 0;
        for (int second = 0; second < 60; second++)
        {
            for (int i = 0; i < 100; i++)
            {
                _ = responder.Pass(10);
                DnsName name = Type.Under(responder.Responder.Announced.Instance);
                responder.Responder.Receive(TestLink.Say(DnsRecord.Service(name, 1, name, 120)), TestLink.Neighbour, responder.Now);
                claimed++;
            }
        }
        Assert.Equal(6000, claimed);
        // Each claim is a new name; what leaves is bounded: fifteen at first, then one try in five seconds at most.
        Assert.InRange(responder.Sent.Count, 1, 15 + 60);
    }

    [Theory]
    [InlineData(1, false)]          // the other wants port 1, which is less than ours: ours goes on
    [InlineData(9000, true)]        // more than ours: ours waits a second
    [InlineData(7413, false)]       // what came back of our own
    [Trait("Spec", "S-106")]
    public void Of_two_that_ask_at_the_same_time_the_one_with_the_greater_data_goes_on(int port, bool loses)
    {
        var responder = new TestResponder();
        _ = responder.Pass(300);
        TimeSpan heard = responder.Now;
        var probe = new DnsMessage
        {
            Questions = [new DnsQuestion(TestLink.Instance, DnsType.Any)],
            Authorities = [DnsRecord.Service(TestLink.Instance, port, TestLink.Host, 120), DnsRecord.Text(TestLink.Instance, [[.. "v=1"u8]], 120)],
        };
        responder.Responder.Receive(probe, TestLink.Neighbour, responder.Now);
        responder.Sent.Clear();
        _ = responder.Pass(4000);
        Assert.Equal(loses, responder.Sent[0].At - heard >= TestLink.Ms(1000));
        Assert.Equal("instance1", responder.Responder.Announced.Instance);
        Assert.True(responder.Responder.IsOwner);
    }

    [Fact]
    [Trait("Spec", "S-107")]
    public void It_answers_for_each_of_its_records_and_says_which_it_does_not_have()
    {
        TestResponder responder = TestResponder.Running();
        (DnsName Name, DnsType Type, DnsType[] Answers, DnsType[] Additionals)[] cases =
        [
            (Type, DnsType.Ptr, [DnsType.Ptr], [DnsType.Srv, DnsType.Txt, DnsType.A, DnsType.Aaaa]),
            (TestLink.Types, DnsType.Ptr, [DnsType.Ptr], []),
            (TestLink.Instance, DnsType.Srv, [DnsType.Srv], [DnsType.A, DnsType.Aaaa]),
            (TestLink.Instance, DnsType.Txt, [DnsType.Txt], []),
            (TestLink.Instance, DnsType.Any, [DnsType.Srv, DnsType.Txt], [DnsType.A, DnsType.Aaaa]),
            (TestLink.Host, DnsType.A, [DnsType.A], []),
            (TestLink.Host, DnsType.Aaaa, [DnsType.Aaaa], []),
        ];
        foreach ((DnsName name, DnsType type, DnsType[] answers, DnsType[] additionals) in cases)
        {
            var sent = Assert.Single(responder.Hear(TestLink.Ask((name, type))));
            Assert.Equal(answers.Order(), sent.Message.Answers.Select(r => r.Type).Order());
            Assert.Equal(additionals.Order(), sent.Message.Additionals.Select(r => r.Type).Order());
            Assert.Null(sent.To);
            _ = responder.Pass(1000);
        }
        foreach ((DnsName name, DnsType type) in new[] { (DnsName.Of("_ipp", "_tcp", "local"), DnsType.Ptr), (Type.Under("other"), DnsType.Srv) })
            Assert.Empty(responder.Hear(TestLink.Ask((name, type))));
        // The reader skips NSEC, as nobody here needs it: the packet has one, of exactly these bytes.
        var raw = new List<byte[]>();
        var own = new LinkResponder(TestLink.Of("10.77.0.1"), TestLink.Service(), () => null, (p, _) => raw.Add(p), TimeSpan.Zero);
        for (int ms = 0; ms < 4000; ms++)
            own.Run(TestLink.Ms(ms));
        raw.Clear();
        own.Receive(TestLink.Ask((TestLink.Host, DnsType.Aaaa)), TestLink.Neighbour, TestLink.Ms(4000));
        own.Run(TestLink.Ms(4000));
        byte[] expected = [0, (byte)DnsType.Nsec, 0x80, 1, 0, 0, 0, (byte)DiscoveryLimits.TtlSeconds, 0, 16, .. TestLink.Host.Wire, 0, 1, 0x40];
        Assert.True(Assert.Single(raw).AsSpan().IndexOf(expected) > 0, Convert.ToHexString(raw[0]));
    }

    [Fact]
    [Trait("Spec", "S-107")]
    public void What_the_asker_knows_for_more_than_half_of_its_time_is_not_said_again()
    {
        TestResponder responder = TestResponder.Running();
        DnsMessage knowing(uint ttl) => TestLink.Ask((Type, DnsType.Ptr)) with { Answers = [DnsRecord.Pointer(Type, TestLink.Instance, ttl)] };
        Assert.Empty(responder.Hear(knowing(DiscoveryLimits.TtlSeconds / 2)));
        _ = Assert.Single(responder.Hear(knowing(DiscoveryLimits.TtlSeconds / 2 - 1)));
    }

    [Fact]
    [Trait("Spec", "S-107")]
    public void Known_answers_that_come_in_a_second_packet_are_waited_for()
    {
        TestResponder responder = TestResponder.Running();
        DnsMessage first = TestLink.Ask((Type, DnsType.Ptr)) with { IsTruncated = true };
        TimeSpan asked = responder.Now;
        Assert.InRange(Assert.Single(responder.Hear(first)).At - asked, TestLink.Ms(400), TestLink.Ms(501));
        _ = responder.Pass(2000);
        responder.Responder.Receive(first, TestLink.Neighbour, responder.Now);
        _ = responder.Pass(100);
        Assert.Empty(responder.Hear(new DnsMessage { Answers = [DnsRecord.Pointer(Type, TestLink.Instance, 100)] }));
    }

    [Fact]
    [Trait("Spec", "S-108")]
    public void However_often_it_is_asked_a_record_is_multicast_once_a_second()
    {
        TestResponder responder = TestResponder.Running();
        for (int i = 0; i < 1000; i++)
        {
            responder.Responder.Receive(TestLink.Ask((Type, DnsType.Ptr), (TestLink.Host, DnsType.A), (TestLink.Host, DnsType.Nsec)), TestLink.Neighbour,
                responder.Now);
            _ = responder.Pass(5);
        }
        DnsRecord[] said = [.. responder.Sent.SelectMany(s => s.Message.Answers.Concat(s.Message.Additionals))];
        foreach (IGrouping<DnsRecord, DnsRecord> one in said.GroupBy(r => r))
            Assert.InRange(one.Count(), 1, 6);
        foreach (DnsRecord record in said.Distinct())
        {
            TimeSpan[] at = [.. responder.Sent.Where(s => s.Message.Answers.Concat(s.Message.Additionals).Contains(record)).Select(s => s.At)];
            Assert.All(at.Zip(at.Skip(1)), p => Assert.True(p.Second - p.First >= TestLink.Ms(1000), $"{record.Type} after {p.Second - p.First}"));
        }
    }

    [Fact]
    [Trait("Spec", "S-108")]
    public void A_question_of_plain_DNS_is_answered_to_its_asker_alone_and_twenty_times_a_second_at_most()
    {
        TestResponder responder = TestResponder.Running();
        DnsMessage question = TestLink.Ask((Type, DnsType.Ptr)) with { Id = 0x1234 };
        var sent = Assert.Single(responder.Hear(question, TestLink.PlainDns));
        Assert.Equal(TestLink.PlainDns, sent.To);
        Assert.Equal(0x1234, sent.Message.Id);
        Assert.Equal(question.Questions, sent.Message.Questions);
        Assert.All(sent.Message.Answers.Concat(sent.Message.Additionals), r => Assert.True(r.TtlSeconds == 10 && !r.IsUnique));
        _ = responder.Pass(1000);
        responder.Sent.Clear();
        for (int i = 0; i < 500; i++)
            responder.Responder.Receive(question, TestLink.PlainDns, responder.Now);
        Assert.Equal(DiscoveryLimits.UnicastAnswersPerSecondMax, responder.Sent.Count);
    }

    [Fact]
    [Trait("Spec", "S-107")]
    public void A_question_that_wants_a_unicast_answer_has_it_unless_the_others_have_not_heard_it_for_long()
    {
        TestResponder responder = TestResponder.Running();
        var question = new DnsMessage { Questions = [new DnsQuestion(Type, DnsType.Ptr, WantsUnicast: true)] };
        Assert.Equal(TestLink.Neighbour, Assert.Single(responder.Hear(question)).To);
        _ = responder.Pass(DiscoveryLimits.TtlSeconds * 1000 / 4);
        Assert.Null(Assert.Single(responder.Hear(question)).To);
    }

    [Fact]
    [Trait("Spec", "S-109")]
    public void A_farewell_takes_back_what_is_its_own_and_leaves_what_others_say_too()
    {
        TestResponder responder = TestResponder.Running();
        responder.Responder.Close();
        var sent = Assert.Single(responder.Sent);
        Assert.Equal([DnsType.Ptr, DnsType.Srv, DnsType.Txt, DnsType.A, DnsType.Aaaa], sent.Message.Answers.Select(r => r.Type));
        Assert.All(sent.Message.Answers, r => Assert.Equal(0u, r.TtlSeconds));
        Assert.DoesNotContain(sent.Message.Answers, r => r.Name.Equals(TestLink.Types));
    }

    [Fact]
    [Trait("Spec", "S-104")]
    public void Where_it_is_not_served_it_says_nothing_and_where_it_gets_an_address_it_begins()
    {
        var responder = new TestResponder(TestLink.Of());
        Assert.Empty(responder.Pass(3000).Sent);
        Assert.Empty(responder.Hear(TestLink.Ask((Type, DnsType.Ptr))));
        responder.Responder.Change(TestLink.Of("10.77.0.5"), responder.Now);
        Assert.Equal(5, responder.Pass(3000).Sent.Count);
        responder.Sent.Clear();
        // Another address: announced at once, under the same names.
        responder.Responder.Change(TestLink.Of("10.77.0.6"), responder.Now);
        Assert.Equal(2, responder.Pass(3000).Sent.Count(s => s.Message.IsResponse
            && s.Message.Answers.Contains(DnsRecord.Host(TestLink.Host, IPAddress.Parse("10.77.0.6"), 1))));
    }
}
