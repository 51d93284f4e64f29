using System.Security.Cryptography;

namespace VmPod.Testing;

/// <summary>Two network namespaces joined by one cable: a pod and a host, each with its own address. Gone when disposed. Needs root and `ip`.</summary>
public sealed class NetPair : IAsyncDisposable
{
    /// <summary>The pod's address.</summary>
    public const string PodAddress = "10.77.0.1";

    /// <summary>The host's address.</summary>
    public const string HostAddress = "10.77.0.2";

    private static readonly CliRunner Ip = new("ip");

    private NetPair(NetNamespace pod, NetNamespace host) => (Pod, Host) = (pod, host);

    /// <summary>The pod's namespace.</summary>
    public NetNamespace Pod { get; }

    /// <summary>The host's namespace.</summary>
    public NetNamespace Host { get; }

    /// <summary>Makes one, with the cable plugged in.</summary>
    public static async Task<NetPair> CreateAsync()
    {
        var pair = new NetPair(await NetNamespace.CreateAsync(), await NetNamespace.CreateAsync());
        string end = "vp" + RandomNumberGenerator.GetHexString(6, lowercase: true);
        await IpAsync("link", "add", end + "p", "netns", pair.Pod.Name, "type", "veth", "peer", "name", end + "h", "netns", pair.Host.Name);
        await IpAsync("-n", pair.Pod.Name, "link", "set", end + "p", "name", "pod0");
        await IpAsync("-n", pair.Host.Name, "link", "set", end + "h", "name", "host0");
        await IpAsync("-n", pair.Pod.Name, "addr", "add", PodAddress + "/24", "dev", "pod0");
        await IpAsync("-n", pair.Host.Name, "addr", "add", HostAddress + "/24", "dev", "host0");
        await pair.PlugAsync();
        await IpAsync("-n", pair.Host.Name, "link", "set", "host0", "up");
        return pair;
    }

    /// <summary>How fast the pod sends from now on; the host is not limited.</summary>
    public Task ShapeAsync(LinkShape shape) => Pod.ShapeAsync("pod0", shape);

    /// <summary>The pod comes within reach.</summary>
    public Task PlugAsync() => IpAsync("-n", Pod.Name, "link", "set", "pod0", "up");

    /// <summary>The pod goes out of reach, without a word.</summary>
    public Task UnplugAsync() => IpAsync("-n", Pod.Name, "link", "set", "pod0", "down");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        await Pod.DisposeAsync();
    }

    private static async Task IpAsync(params string[] arguments) => (await Ip.RunAsync(arguments)).MustSucceed();
}
