using System.Net;
using System.Security.Cryptography;
using System.Text;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Announcing;
using VmPod.Sync.Discovery.Browsing;
using VmPod.Sync.Tests.Channel;
using Xunit;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>By what hosts know their pods, and nobody else does.</summary>
public sealed class TagTests
{
    private static readonly ManualTime Time = new();

    [Fact]
    [Trait("Spec", "S-101")]
    public void An_announcement_says_that_there_is_a_pod_and_no_more_under_names_that_are_new_each_time()
    {
        AnnouncedService none = Announce(0), one = Announce(1), all = Announce(8), twelve = Announce(12);
        AnnouncedService[] each = [none, one, all, twelve];
        // The same length and form, whatever the number of pairings.
        Assert.All(each, a => Assert.Equal([3, 2 + 8 * 8], a.Text.Select(t => t.Length)));
        Assert.All(each, a => Assert.Equal("v=1", Encoding.ASCII.GetString(a.Text[0])));
        Assert.All(each, a => Assert.Matches("^[0-9a-f]{16}$", a.Instance));
        Assert.All(each, a => Assert.Matches("^[0-9a-f]{16}$", a.Host));
        Assert.Equal(8, each.SelectMany(a => new[] { a.Instance, a.Host }).Distinct().Count());
        // Real tags and random ones stand in one order.
        Assert.All(each, a => Assert.Equal(Tags(a).Order(), Tags(a)));
        Assert.All(each, a => Assert.Equal(8, Tags(a).Distinct().Count()));
        Assert.Equal(32, each.SelectMany(Tags).Distinct().Count());
    }

    [Fact]
    [Trait("Spec", "S-102")]
    [Trait("Threat", "T-41")]
    public void The_paired_host_knows_its_pod_for_a_day_before_and_after_and_nobody_else_does()
    {
        using Pairing mine = PairingOf(1), other = PairingOf(2);
        AnnouncedService announced = PodService.Announce(7413, _ => true, i => DiscoveryTags.Of([mine], i, Time));
        Assert.True(DiscoveryTags.Has(Tags(announced), mine, announced.Instance, Time));
        Assert.False(DiscoveryTags.Has(Tags(announced), other, announced.Instance, Time));
        // The tag is of that name: who copies it under another is not taken for the pod.
        Assert.False(DiscoveryTags.Has(Tags(announced), mine, "0000000000000000", Time));
        foreach ((int days, bool isKnown) in new[] { (-2, false), (-1, true), (1, true), (2, false) })
        {
            var later = new ManualTime { Now = Time.Now.AddDays(days) };
            Assert.Equal(isKnown, DiscoveryTags.Has(Tags(announced), mine, announced.Instance, later));
        }
    }

    [Fact]
    [Trait("Spec", "S-102")]
    [Trait("Threat", "T-41")]
    public void Two_announcements_of_one_pod_have_nothing_in_common_that_a_stranger_could_compare()
    {
        using Pairing mine = PairingOf(1);
        AnnouncedService[] all = [.. Enumerable.Range(0, 100).Select(_ => PodService.Announce(7413, _ => true, i => DiscoveryTags.Of([mine], i, Time)))];
        Assert.All(all, a => Assert.True(DiscoveryTags.Has(Tags(a), mine, a.Instance, Time)));
        Assert.Equal(100 * 8, all.SelectMany(Tags).Distinct().Count());
        // Without the name in it, a tag of the day would be the same in each of them.
        _ = Assert.Single(all.Select(a => DiscoveryTags.Of(mine.Psk, "", DiscoveryTags.Today(Time))).Distinct());
    }

    [Fact]
    [Trait("Spec", "S-102")]
    public void A_tag_is_what_the_specification_says()
    {
        byte[] psk = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
        using SecretBuffer secret = SecretBuffer.Create(32, psk, static (bytes, from) => from.CopyTo(bytes));
        // From S-102 by Python's hmac and hashlib.
        Assert.Equal(0xDF6EA36D8EC9EE4FUL, DiscoveryTags.Of(secret, "0123456789abcdef", day: 0x502E));
    }

    [Fact]
    [Trait("Spec", "S-103")]
    public void A_text_of_another_form_or_version_has_no_tags()
    {
        AnnouncedService right = Announce(3);
        Assert.Equal(8, Tags(right).Count);
        byte[] version = right.Text[0], tags = right.Text[1];
        foreach (IReadOnlyList<byte[]> wrong in new IReadOnlyList<byte[]>[]
            { [], [version], [tags], [tags, version], [version, tags, tags], [[.. "v=2"u8], tags], [version, tags[..^1]], [version, [.. tags, 0]],
                [version, [.. "T="u8, .. tags[2..]]] })
            Assert.Empty(PodService.TagsOf(Found(right with { Text = wrong })));
    }

    private static AnnouncedService Announce(int tags) =>
        PodService.Announce(7413, _ => true, _ => [.. Enumerable.Range(0, tags).Select(_ => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)))]);

    private static IReadOnlyList<ulong> Tags(AnnouncedService announced) => PodService.TagsOf(Found(announced));

    private static FoundService Found(AnnouncedService announced) =>
        new("test0", announced.Instance, announced.Port, [IPAddress.Loopback], announced.Text, TimeSpan.Zero);

    private static Pairing PairingOf(byte number)
    {
        byte[] bytes = [.. "VPP1"u8, .. new byte[15], number, .. Enumerable.Repeat(number, 32), 1, .. new byte[8], 1, (byte)'p'];
        Assert.True(Pairing.TryRead(bytes, out Pairing? pairing));
        return pairing!;
    }
}
