using System.Net;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Browsing;
using VmPod.Sync.Discovery.Dns;
using Xunit;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>The browser by the rules of RFC 6762, without sockets and with a clock of the test's.</summary>
public sealed class BrowserTests
{
    private static readonly DnsQuestion ForPods = new(PodService.Type, DnsType.Ptr);

    [Fact]
    [Trait("Spec", "S-112")]
    public void It_asks_at_once_then_after_one_two_four_seconds_and_never_more_than_an_hour()
    {
        TestBrowser browser = new TestBrowser().Pass(70_000);
        Assert.All(browser.Sent, s => Assert.Equal([ForPods], s.Message.Questions));
        TimeSpan[] at = [.. browser.Sent.Select(s => s.At)];
        Assert.InRange(at[0], TestLink.Ms(20), TestLink.Ms(130));
        Assert.Equal([1, 2, 4, 8, 16, 32], at.Zip(at.Skip(1)).Select(p => (int)(p.Second - p.First).TotalSeconds));
        // Its addresses changed: perhaps it is heard by others now.
        browser.Browser.Change(TestLink.Of("10.77.0.3"), browser.Now);
        Assert.Equal(2, browser.Pass(1500).Sent.Count - at.Length);
    }

    [Fact]
    [Trait("Spec", "S-112")]
    public void A_service_is_found_once_port_text_and_address_are_known_and_what_is_missing_is_asked_for()
    {
        TestBrowser browser = new TestBrowser().Pass(200);
        _ = browser.Hear(Announcement()[0]).Pass(10);
        Assert.Equal([new(TestLink.Instance, DnsType.Txt), new(TestLink.Instance, DnsType.Srv)], browser.Sent[^1].Message.Questions.OrderBy(q => q.Type));
        _ = browser.Hear(Announcement()[1..3]).Pass(10);
        Assert.Equal([new(TestLink.Host, DnsType.A), new(TestLink.Host, DnsType.Aaaa)], browser.Sent[^1].Message.Questions.OrderBy(q => q.Type));
        Assert.Empty(browser.Browser.Found);
        FoundService found = Assert.Single(browser.Hear(Announcement()[3]).Browser.Found);
        Assert.Equal(("test0", "instance1", 7413), (found.Link, found.Instance, found.Port));
        Assert.Equal([IPAddress.Parse("10.77.0.1")], found.Addresses);
        int before = browser.Sent.Count;
        // What it knows it says with the next question, so that nobody says it again.
        _ = browser.Pass(3000);
        Assert.Equal([ForPods], browser.Sent[before].Message.Questions);
        Assert.Equal(TestLink.Instance, Assert.Single(browser.Sent[before].Message.Answers).Target);
    }

    [Fact]
    [Trait("Spec", "S-113")]
    public void A_service_that_says_farewell_is_gone_a_second_later_and_one_that_says_nothing_when_its_time_is_over()
    {
        TestBrowser browser = new TestBrowser().Hear(Announcement());
        _ = Assert.Single(browser.Pass(500).Browser.Found);
        _ = browser.Hear([.. Announcement().Select(r => r.With(0, r.IsUnique))]).Pass(900);
        _ = Assert.Single(browser.Browser.Found);
        Assert.Empty(browser.Pass(200).Browser.Found);
        Assert.Equal(0, browser.Browser.CachedRecords);
        _ = Assert.Single(browser.Hear(Announcement()).Pass(DiscoveryLimits.TtlSeconds * 1000 - 100).Browser.Found);
        // It was asked for before its time was over: at 80, 85, 90, 95 parts of a hundred.
        TimeSpan[] asked = [.. browser.Sent.Where(s => s.Message.Questions.Any(q => q.Type == DnsType.Srv)).Select(s => s.At)];
        Assert.Equal(4, asked.Length);
        Assert.Empty(browser.Pass(200).Browser.Found);
    }

    [Fact]
    [Trait("Spec", "S-113")]
    public void A_record_that_is_the_only_one_of_its_kind_makes_older_ones_go_and_new_ones_stay()
    {
        TestBrowser browser = new TestBrowser().Hear(Announcement()).Pass(2000);
        _ = browser.Hear(DnsRecord.Host(TestLink.Host, IPAddress.Parse("10.77.0.8"), 120), DnsRecord.Host(TestLink.Host, IPAddress.Parse("10.77.0.9"), 120));
        Assert.Equal(3, Assert.Single(browser.Browser.Found).Addresses.Count);
        Assert.Equal(["10.77.0.8", "10.77.0.9"], Assert.Single(browser.Pass(1100).Browser.Found).Addresses.Select(a => a.ToString()).Order());
    }

    [Fact]
    [Trait("Spec", "S-114")]
    [Trait("Threat", "T-40")]
    public void An_announcement_can_send_nobody_off_the_link()
    {
        DnsRecord[] elsewhere = [.. Announcement()[..3], DnsRecord.Host(TestLink.Host, IPAddress.Parse("192.0.2.1"), 120),
            DnsRecord.Host(TestLink.Host, IPAddress.Parse("2001:db8::1"), 120), DnsRecord.Host(TestLink.Host, IPAddress.Parse("127.0.0.1"), 120)];
        Assert.Empty(new TestBrowser().Hear(elsewhere).Browser.Found);
        // The same from its own link, and of IPv6's link-local kind with the link as scope.
        FoundService found = Assert.Single(new TestBrowser().Hear([.. elsewhere,
            DnsRecord.Host(TestLink.Host, IPAddress.Parse("fe80::5"), 120)]).Browser.Found);
        Assert.Equal("fe80::5%7", Assert.Single(found.Addresses).ToString());
    }

    [Fact]
    [Trait("Spec", "S-114")]
    [Trait("Threat", "T-40")]
    public void A_flood_of_services_is_kept_up_to_the_bound_and_what_nobody_asked_for_is_not_kept_at_all()
    {
        var browser = new TestBrowser();
        for (int i = 0; i < 500; i++)
        {
            DnsName instance = PodService.Type.Under($"flood{i}"), host = DnsName.Of($"flood{i}", "local");
            _ = browser.Hear(DnsRecord.Pointer(PodService.Type, instance, 4500), DnsRecord.Service(instance, 1, host, uint.MaxValue),
                DnsRecord.Text(instance, [], 4500), DnsRecord.Host(host, IPAddress.Parse("10.77.0.7"), 4500),
                DnsRecord.Host(DnsName.Of($"loose{i}", "local"), IPAddress.Parse("10.77.0.7"), 4500),
                DnsRecord.Pointer(DnsName.Of("_ipp", "_tcp", "local"), instance, 4500));
        }
        Assert.Equal(DiscoveryLimits.ServicesMax, browser.Browser.Found.Count);
        Assert.Equal(4 * DiscoveryLimits.ServicesMax, browser.Browser.CachedRecords);
        DnsName first = DnsName.Of("flood0", "local");
        for (int i = 0; i < 200; i++)
            _ = browser.Hear(DnsRecord.Host(first, IPAddress.Parse($"10.77.0.{i + 20}"), 4500));
        Assert.Equal(DiscoveryLimits.AddressesMax, browser.Browser.Found.Single(f => f.Instance == "flood0").Addresses.Count);
        Assert.True(browser.Browser.CachedRecords <= DiscoveryLimits.CachedRecordsMax);
        // A TTL of 136 years is believed for 75 minutes.
        _ = browser.Pass(1);
        browser.Browser.Run(TimeSpan.FromSeconds(DiscoveryLimits.TtlSecondsMax + 1));
        Assert.Empty(browser.Browser.Found);
    }

    [Fact]
    [Trait("Spec", "S-114")]
    public void A_name_moves_no_cursor()
    {
        byte[] label = [.. "\u001b[2Jpod."u8];
        var instance = new DnsName([(byte)label.Length, .. label, .. PodService.Type.Wire]);
        Assert.Equal("\\027[2Jpod\\046", DnsName.Text(instance.FirstLabel));
        Assert.Equal("\\027[2Jpod\\046._vmpod._tcp.local", instance.ToString());
    }

    private static DnsRecord[] Announcement() =>
    [
        DnsRecord.Pointer(PodService.Type, TestLink.Instance, DiscoveryLimits.TtlSeconds),
        DnsRecord.Service(TestLink.Instance, 7413, TestLink.Host, DiscoveryLimits.TtlSeconds),
        DnsRecord.Text(TestLink.Instance, [[.. "v=1"u8]], DiscoveryLimits.TtlSeconds),
        DnsRecord.Host(TestLink.Host, IPAddress.Parse("10.77.0.1"), DiscoveryLimits.TtlSeconds),
    ];
}
