using System.Security.Cryptography;
using System.Text.Json;

namespace VmPod.Testing;

/// <summary>
/// A pod and a host, each a network namespace, with a link of a certain rate and delay between them. Gone when disposed. Needs root, `ip` and `tc`.
/// <code>
///   host ==tbf==> | between: a relay of TCP ports that delivers each byte late | &lt;==tbf== pod
/// </code>
/// </summary>
/// <remarks>Both senders meet the rate at their own end of the cable, with their own socket buffers, as on a real link; what the relay passes on is not
/// limited again. The relay is a program that the caller runs in <see cref="Between"/>.</remarks>
public sealed class ShapedLink : IAsyncDisposable
{
    /// <summary>The address that the host knows: ports there lead to the pod.</summary>
    public const string RelayAddress = "10.78.1.1";

    /// <summary>The pod's own address, which only the relay reaches.</summary>
    public const string PodAddress = "10.78.2.2";

    private const string HostAddress = "10.78.1.2", RelayAtPod = "10.78.2.1", Device = "link0";

    private static readonly CliRunner Ip = new("ip");

    private ShapedLink(NetNamespace host, NetNamespace between, NetNamespace pod) => (Host, Between, Pod) = (host, between, pod);

    /// <summary>The host's namespace.</summary>
    public NetNamespace Host { get; }

    /// <summary>The namespace of the relay.</summary>
    public NetNamespace Between { get; }

    /// <summary>The pod's namespace.</summary>
    public NetNamespace Pod { get; }

    /// <summary>Makes one, not shaped.</summary>
    public static async Task<ShapedLink> CreateAsync()
    {
        var made = new List<NetNamespace>();
        try
        {
            for (int i = 0; i < 3; i++)
                made.Add(await NetNamespace.CreateAsync());
            var link = new ShapedLink(made[0], made[1], made[2]);
            await link.CableAsync(link.Host, HostAddress, RelayAddress, "host0");
            await link.CableAsync(link.Pod, PodAddress, RelayAtPod, "pod0");
            return link;
        }
        catch
        {
            foreach (NetNamespace one in made)
                await one.DisposeAsync();
            throw;
        }
    }

    /// <summary>Sets the rate of both directions; the delay is the relay's.</summary>
    public async Task ShapeAsync(LinkShape shape)
    {
        foreach (NetNamespace end in (NetNamespace[])[Host, Pod])
            await end.ShapeAsync(Device, shape);
    }

    /// <summary>Bytes that the host has sent and received on the link so far, headers of all layers included.</summary>
    public async Task<(long Sent, long Received)> BytesAsync()
    {
        JsonElement stats = (await Ip.RunAsync(["-n", Host.Name, "-s", "-j", "link", "show", Device])).MustSucceed().Json[0].GetProperty("stats64");
        return (stats.GetProperty("tx").GetProperty("bytes").GetInt64(), stats.GetProperty("rx").GetProperty("bytes").GetInt64());
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await Pod.DisposeAsync();
        await Between.DisposeAsync();
    }

    private async Task CableAsync(NetNamespace end, string address, string relayAddress, string atRelay)
    {
        string name = "vp" + RandomNumberGenerator.GetHexString(6, lowercase: true);
        await IpAsync("link", "add", name, "netns", end.Name, "type", "veth", "peer", "name", atRelay, "netns", Between.Name);
        await IpAsync("-n", end.Name, "link", "set", name, "name", Device);
        await IpAsync("-n", end.Name, "addr", "add", address + "/24", "dev", Device);
        await IpAsync("-n", Between.Name, "addr", "add", relayAddress + "/24", "dev", atRelay);
        await IpAsync("-n", Between.Name, "link", "set", atRelay, "up");
        await IpAsync("-n", end.Name, "link", "set", Device, "up");
    }

    private static async Task IpAsync(params string[] arguments) => (await Ip.RunAsync(arguments)).MustSucceed();
}
