using System.Security.Cryptography;

namespace VmPod.Testing;

/// <summary>
/// A pod and some hosts within reach of one another: each a network namespace of its own with its own address, joined by a bridge in one more, which stands
/// for the air. Gone when disposed. Needs root and `ip`.
/// </summary>
/// <remarks>Whoever listens at the bridge hears everything, and goes on hearing when a pod or host is out of reach.</remarks>
public sealed class NetAir : IAsyncDisposable
{
    /// <summary>The pod's address.</summary>
    public const string PodAddress = "10.77.0.1";

    private static readonly CliRunner Ip = new("ip");
    private readonly List<NetNamespace> all = [];

    private NetAir()
    {
    }

    /// <summary>Device of the bridge, in <see cref="Air"/>.</summary>
    public const string Bridge = "air0";

    /// <summary>The bridge's namespace.</summary>
    public NetNamespace Air => all[0];

    /// <summary>The pod's namespace.</summary>
    public NetNamespace Pod => all[1];

    /// <summary>The hosts' namespaces; their addresses are 10.77.0.2 and so on.</summary>
    public IReadOnlyList<NetNamespace> Hosts => all[2..];

    /// <summary>Makes one, with everybody within reach.</summary>
    public static async Task<NetAir> CreateAsync(int hosts, CancellationToken cancellation = default)
    {
        var air = new NetAir();
        try
        {
            for (int i = 0; i < hosts + 2; i++)
                air.all.Add(await NetNamespace.CreateAsync(cancellation));
            await IpAsync("-n", air.Air.Name, "link", "add", Bridge, "type", "bridge");
            await IpAsync("-n", air.Air.Name, "link", "set", Bridge, "up");
            for (int i = 1; i < air.all.Count; i++)
                await air.JoinAsync(air.all[i], i);
            return air;
        }
        catch
        {
            await air.DisposeAsync();
            throw;
        }
    }

    /// <summary>The pod comes within reach.</summary>
    public Task PlugAsync() => IpAsync("-n", Pod.Name, "link", "set", "eth0", "up");

    /// <summary>The pod goes out of reach, without a word.</summary>
    public Task UnplugAsync() => IpAsync("-n", Pod.Name, "link", "set", "eth0", "down");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The last one first: the bridge goes when nothing is joined to it any more.
        while (all.Count > 0)
        {
            await all[^1].DisposeAsync();
            all.RemoveAt(all.Count - 1);
        }
    }

    private async Task JoinAsync(NetNamespace member, int number)
    {
        string end = "vp" + RandomNumberGenerator.GetHexString(6, lowercase: true);
        await IpAsync("link", "add", end, "netns", member.Name, "type", "veth", "peer", "name", $"port{number}", "netns", Air.Name);
        await IpAsync("-n", member.Name, "link", "set", end, "name", "eth0");
        await IpAsync("-n", member.Name, "addr", "add", $"10.77.0.{number}/24", "dev", "eth0");
        await IpAsync("-n", Air.Name, "link", "set", $"port{number}", "master", Bridge, "up");
        await IpAsync("-n", member.Name, "link", "set", "eth0", "up");
    }

    private static async Task IpAsync(params string[] arguments) => (await Ip.RunAsync(arguments)).MustSucceed();
}
