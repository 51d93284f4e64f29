using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace VmPod.Testing;

/// <summary>A network namespace of its own name, with nothing but a loopback device; gone when disposed. Needs root and `ip`.</summary>
public sealed partial class NetNamespace : IAsyncDisposable
{
    private const int NetworkNamespace = 0x4000_0000;     // CLONE_NEWNET

    // Of tc-tbf: what may pass at once. 16 KiB was measured to give 96 % of the rate at 11 to 54 Mbit/s; faster ones need more, 2 ms of the rate.
    private const int BurstBytesMin = 16 * 1024;
    private const double BurstSeconds = 0.002;

    private static readonly CliRunner Ip = new("ip"), Tc = new(SystemTools.Find("tc"));

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

    /// <summary>Does something inside, on a thread of its own: sockets that it opens, and threads that it starts, stay inside.</summary>
    public T Run<T>(Func<T> act)
    {
        T? result = default;
        Exception? failure = null;
        var inside = new Thread(() =>
        {
            try
            {
                using (SafeFileHandle space = File.OpenHandle($"/run/netns/{Name}"))
                {
                    if (EnterNamespace(space, NetworkNamespace) != 0)
                        throw new Win32Exception(Marshal.GetLastPInvokeError());
                }
                result = act();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        inside.Start();
        inside.Join();
        return failure is null ? result! : throw new InvalidOperationException($"In {Name}: {failure.Message}", failure);
    }

    /// <summary>Runs `ip` inside.</summary>
    public async Task IpAsync(params string[] arguments) => (await Ip.RunAsync(["-n", Name, .. arguments])).MustSucceed();

    /// <summary>Limits what a device of it sends to a link's rate; the delay is not its to make. Needs `tc`.</summary>
    public async Task ShapeAsync(string device, LinkShape shape)
    {
        if (shape.Mbit is not { } mbit)
        {
            // There may be none.
            _ = await Tc.RunAsync(["-n", Name, "qdisc", "del", "dev", device, "root"]);
            return;
        }
        int burst = Math.Max(BurstBytesMin, (int)(shape.BytesPerSecond * BurstSeconds));
        (await Tc.RunAsync(["-n", Name, "qdisc", "replace", "dev", device, "root", "tbf", "rate", $"{mbit}mbit",
            "burst", burst.ToString(CultureInfo.InvariantCulture), "latency", "20ms"])).MustSucceed();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => (await Ip.RunAsync(["netns", "del", Name])).MustSucceed();

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int EnterNamespace(SafeFileHandle space, int kind);
}
