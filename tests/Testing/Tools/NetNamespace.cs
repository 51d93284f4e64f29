using System.Security.Cryptography;

namespace VmPod.Testing;

/// <summary>A network namespace of its own name, with nothing but a loopback device; gone when disposed. Needs root and `ip`.</summary>
public sealed class NetNamespace : IAsyncDisposable
{
    private static readonly CliRunner Ip = new("ip");

    private NetNamespace(string name) => Name = name;

    /// <summary>Its name for `ip netns`.</summary>
    public string Name { get; }

    /// <summary>What goes before a command to run in it; for <see cref="CliRunner.Inside"/>.</summary>
    public IReadOnlyList<string> Wrapper => ["ip", "netns", "exec", Name];

    /// <summary>Makes one.</summary>
    public static async Task<NetNamespace> CreateAsync(CancellationToken cancellation = default)
    {
        string name = "vmpod-" + RandomNumberGenerator.GetHexString(8, lowercase: true);
        (await Ip.RunAsync(["netns", "add", name], cancellation: cancellation)).MustSucceed();
        var created = new NetNamespace(name);
        (await Ip.RunAsync(["-n", name, "link", "set", "lo", "up"], cancellation: cancellation)).MustSucceed();
        return created;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => (await Ip.RunAsync(["netns", "del", Name])).MustSucceed();
}
