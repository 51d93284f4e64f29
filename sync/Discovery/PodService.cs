using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using VmPod.Sync.Discovery.Announcing;
using VmPod.Sync.Discovery.Browsing;
using VmPod.Sync.Discovery.Dns;

namespace VmPod.Sync.Discovery;

/// <summary>
/// What a pod says of itself (sync/SPEC.md, S-100 to S-103): that it is one, and tags that its hosts know. Knows no key: tags are numbers here.
/// </summary>
public static class PodService
{
    private const int LabelHexDigits = 16;

    /// <summary>The type of all pods.</summary>
    public static DnsName Type { get; } = DnsName.Of("_vmpod", "_tcp", "local");

    private static ReadOnlySpan<byte> Version => "v=1"u8;

    private static ReadOnlySpan<byte> TagsKey => "t="u8;

    /// <summary>An announcement under new names.</summary>
    /// <param name="port">Where the pod listens.</param>
    /// <param name="isServed">Whether it listens at an address of this machine.</param>
    /// <param name="tags">The tags for an instance name, at most <see cref="DiscoveryLimits.TagsCount"/>; the rest is filled with random ones.</param>
    public static AnnouncedService Announce(int port, Func<IPAddress, bool> isServed, Func<string, IReadOnlyList<ulong>> tags)
    {
        string instance = RandomNumberGenerator.GetHexString(LabelHexDigits, lowercase: true);
        byte[] bytes = RandomNumberGenerator.GetBytes(DiscoveryLimits.TagsCount * DiscoveryLimits.TagBytes);
        int at = 0;
        foreach (ulong tag in tags(instance).Take(DiscoveryLimits.TagsCount))
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(at), tag);
            at += DiscoveryLimits.TagBytes;
        }
        // In order of their values: else the random ones would be told by their place.
        IEnumerable<byte> ordered = Numbers(bytes).Order().SelectMany(tag =>
        {
            byte[] one = new byte[DiscoveryLimits.TagBytes];
            BinaryPrimitives.WriteUInt64BigEndian(one, tag);
            return one;
        });
        return new AnnouncedService(Type, instance, RandomNumberGenerator.GetHexString(LabelHexDigits, lowercase: true), port,
            [Version.ToArray(), [.. TagsKey, .. ordered]], isServed);
    }

    /// <summary>The tags of what was found; none if it is not of a version and form that is known.</summary>
    public static IReadOnlyList<ulong> TagsOf(FoundService found)
    {
        if (found.Text is not [var version, var tags] || !version.AsSpan().SequenceEqual(Version) || !tags.AsSpan().StartsWith(TagsKey)
            || tags.Length != TagsKey.Length + DiscoveryLimits.TagsCount * DiscoveryLimits.TagBytes)
            return [];
        return Numbers(tags.AsSpan(TagsKey.Length));
    }

    private static List<ulong> Numbers(ReadOnlySpan<byte> bytes)
    {
        var numbers = new List<ulong>();
        for (int at = 0; at < bytes.Length; at += DiscoveryLimits.TagBytes)
            numbers.Add(BinaryPrimitives.ReadUInt64BigEndian(bytes[at..]));
        return numbers;
    }
}
