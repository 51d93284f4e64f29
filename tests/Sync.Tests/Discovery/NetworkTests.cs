using System.Diagnostics;
using System.Net;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Announcing;
using VmPod.Sync.Discovery.Browsing;
using VmPod.Sync.Discovery.Dns;
using VmPod.Sync.Discovery.Links;
using VmPod.Sync.Discovery.Loop;
using VmPod.Testing;
using Xunit;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>Announcer and browser over real sockets: two network namespaces with a cable (veth) between them. Needs root.</summary>
public sealed class NetworkTests
{
    // What is looked for takes about a second; a machine with both cores busy is given much more.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    [Fact]
    [Trait("Spec", "S-115")]
    public async Task When_the_link_comes_up_the_pod_is_found_within_two_seconds_and_after_its_farewell_it_is_gone()
    {
        await using NetPair net = await NetPair.CreateAsync();
        await net.UnplugAsync();
        using ServiceBrowser browser = net.Host.Run(() => ServiceBrowser.Start(PodService.Type, TimeProvider.System));
        using ServiceAnnouncer announcer = net.Pod.Run(() => ServiceAnnouncer.Start(Make, TimeProvider.System));
        Assert.Empty(browser.Found);
        long begun = Stopwatch.GetTimestamp();
        await net.PlugAsync();
        TimeSpan took = await UntilAsync(() => browser.Found.Count > 0, begun);
        TestContext.Current.TestOutputHelper!.WriteLine($"from link-up to found: {took.TotalSeconds:0.00} s");
        // 0 to 0.25 s until the first of three probes 0.25 s apart, then the announcement. The 2 s, with room for a busy machine.
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        FoundService found = browser.Found[0];
        Assert.Equal(("host0", 7413), (found.Link, found.Port));
        Assert.Contains(IPAddress.Parse(NetPair.PodAddress), found.Addresses);
        Assert.Equal(8, PodService.TagsOf(found).Count);
        // Out of reach for a moment, without a word, and back: under the same names.
        await net.UnplugAsync();
        _ = await UntilAsync(() => browser.Found.Count == 0, begun);
        await net.PlugAsync();
        _ = await UntilAsync(() => browser.Found.Count > 0, begun);
        Assert.Equal(found.Instance, browser.Found[0].Instance);
        // Its pairings changed: the old names take their leave, and are not kept for their two minutes; others come.
        announcer.Renew();
        _ = await UntilAsync(() => browser.Found.All(f => f.Instance != found.Instance) && browser.Found.Count > 0, begun);
    }

    [Fact]
    [Trait("Spec", "S-104")]
    [Trait("Spec", "S-115")]
    public async Task The_kernel_s_word_of_a_link_is_heard_at_once_and_a_link_that_flaps_begins_once_a_second()
    {
        await using NetPair net = await NetPair.CreateAsync();
        var counting = new CountingProtocol();
        using MdnsLoop loop = net.Pod.Run(() => MdnsLoop.Start(counting, TimeProvider.System, "test"));
        _ = await UntilAsync(() => counting.Count("up") == 1, Stopwatch.GetTimestamp());
        await net.UnplugAsync();
        _ = await UntilAsync(() => counting.Count("down") == 1, Stopwatch.GetTimestamp());
        await Task.Delay(1100, TestContext.Current.CancellationToken);
        long begun = Stopwatch.GetTimestamp();
        await net.PlugAsync();
        long plugged = Stopwatch.GetTimestamp();
        _ = await UntilAsync(() => counting.Count("up") == 2, begun);
        TimeSpan heard = Stopwatch.GetElapsedTime(begun, counting.Events.Last(e => e.What == "up").At);
        TestContext.Current.TestOutputHelper!.WriteLine($"`ip link set up` took {Stopwatch.GetElapsedTime(begun, plugged).TotalMilliseconds:0} ms; "
            + $"the loop knew {heard.TotalMilliseconds:0} ms after its begin");
        Assert.InRange(heard, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        int flaps = 0;
        while (Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(1.6))
        {
            await net.UnplugAsync();
            await net.PlugAsync();
            flaps++;
        }
        int begins = counting.Count("up") - 1;
        Assert.InRange(begins, 1, (int)Stopwatch.GetElapsedTime(begun).TotalSeconds + 1);
        TestContext.Current.TestOutputHelper!.WriteLine($"{flaps} flaps, {begins} begins in {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0} s");
        // And when the flapping is over, it is up.
        _ = await UntilAsync(() => counting.Count("up") == counting.Count("down") + 1, begun);
    }

    [Fact]
    [Trait("Threat", "T-40")]
    public async Task A_bug_ends_the_looking_and_not_the_program()
    {
        await using NetNamespace alone = await NetNamespace.CreateAsync();
        var broken = new CountingProtocol { OnRun = () => throw new InvalidDataException("a bug") };
        using MdnsLoop loop = alone.Run(() => MdnsLoop.Start(broken, TimeProvider.System, "test"));
        _ = await UntilAsync(() => loop.Failure is not null, Stopwatch.GetTimestamp());
        Assert.IsType<InvalidDataException>(loop.Failure);
    }

    [Fact]
    [Trait("Spec", "S-104")]
    public async Task Neither_loopback_nor_a_link_without_a_carrier_or_multicast_is_used()
    {
        await using NetPair net = await NetPair.CreateAsync();
        await net.Pod.IpAsync("link", "add", "near0", "type", "veth", "peer", "name", "near1");
        await net.Pod.IpAsync("link", "set", "near0", "up");
        Assert.Equal(["pod0"], Usable());
        await net.Pod.IpAsync("link", "set", "near1", "up");
        Assert.Equal(["near0", "near1", "pod0"], Usable());
        await net.Pod.IpAsync("link", "set", "near0", "multicast", "off");
        Assert.Equal(["near1", "pod0"], Usable());
        await net.UnplugAsync();
        Assert.Equal(["near1"], Usable());

        string[] Usable() => net.Pod.Run(() =>
        {
            using var table = new LinkTable();
            IReadOnlyList<NetworkLink> all = table.Read();
            Assert.Contains(all, l => l.Name == "lo" && l.Addresses.Any(a => a.Address.Equals(IPAddress.Loopback)));
            return all.Where(l => l.IsUsable).Select(l => l.Name).Order().ToArray();
        });
    }

    [Fact]
    [Trait("Spec", "S-100")]
    [Trait("Spec", "S-116")]
    public async Task Avahi_on_another_machine_finds_the_pod_and_resolves_it_and_one_beside_it_on_the_same_machine_is_heard_too()
    {
        await using NetPair net = await NetPair.CreateAsync();
        Task<Avahi> starting = Avahi.StartAsync(net.Pod, "pod");
        await using Avahi far = await Avahi.StartAsync(net.Host, "neighbour");
        await using Avahi near = await starting;
        AnnouncedService? said = null;
        using ServiceAnnouncer announcer = net.Pod.Run(() => ServiceAnnouncer.Start(() => said = Make(), TimeProvider.System));
        string[] fields = Assert.Single(await far.BrowseAsync());
        // =;host0;IPv4;INSTANCE;_vmpod._tcp;local;HOST.local;10.77.0.1;7413;"t=..." "v=1"
        Assert.Equal(["host0", "IPv4", said!.Instance, "_vmpod._tcp", "local", said.Host + ".local", NetPair.PodAddress, "7413"], fields[1..9]);
        // A tag may have a semicolon in it.
        Assert.Contains("\"v=1\"", string.Join(';', fields[9..]), StringComparison.Ordinal);
        // This project's own browser, and the pod's avahi-daemon, which answers for its own name beside it.
        using ServiceBrowser beside = net.Pod.Run(() => ServiceBrowser.Start(PodService.Type, TimeProvider.System));
        _ = await UntilAsync(() => beside.Found.Count == 1 && beside.Found[0].Instance == said.Instance, Stopwatch.GetTimestamp());
        var counting = new CountingProtocol();
        using MdnsLoop loop = net.Host.Run(() => MdnsLoop.Start(counting, TimeProvider.System, "test"));
        DnsRecord daemon = DnsRecord.Host(DnsName.Of("pod", "local"), IPAddress.Parse(NetPair.PodAddress), 120);
        await AskAsync(net.Host, daemon.Name, () => counting.Heard.Any(m => m.Answers.Contains(daemon)));
    }

    private static AnnouncedService Make() => PodService.Announce(7413, a => a.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork, _ => [1, 2, 3]);

    private static async Task AskAsync(NetNamespace from, DnsName name, Func<bool> isAnswered)
    {
        long begun = Stopwatch.GetTimestamp();
        while (!isAnswered())
        {
            Assert.True(Stopwatch.GetElapsedTime(begun) < Limit, $"{name} is not answered for");
            from.Run(() =>
            {
                using var table = new LinkTable();
                using var sockets = new LinkSockets(table.Read().Single(l => l.IsUsable));
                sockets.Follow(sockets.Link);
                sockets.Send(DnsWriter.Write(TestLink.Ask((name, DnsType.A))), null);
                return true;
            });
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }

    private static async Task<TimeSpan> UntilAsync(Func<bool> isSo, long begun)
    {
        long since = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            if (Stopwatch.GetElapsedTime(since) > Limit)
                throw new TimeoutException("It did not come about.");
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
        return Stopwatch.GetElapsedTime(begun);
    }
}
