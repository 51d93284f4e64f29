using System.Globalization;
using System.Text.RegularExpressions;

namespace VmPod.Testing;

/// <summary>tcpdump at a device of a network namespace, every byte of every packet into a file. Disposing ends it.</summary>
public sealed partial class PacketCapture : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(120), EndLimit = TimeSpan.FromSeconds(120);

    // What the kernel keeps while tcpdump waits for a CPU: two seconds of a fast link on a busy machine.
    private const string BufferKiB = "262144";

    private readonly CliProcess tcpdump;

    private PacketCapture(CliProcess tcpdump, string file) => (this.tcpdump, File) = (tcpdump, file);

    /// <summary>The file, in pcap's format.</summary>
    public string File { get; }

    /// <summary>Begins. The file is named something.pcap: where AppArmor guards tcpdump, it may write no other.</summary>
    public static async Task<PacketCapture> StartAsync(NetNamespace network, string device, string file, CancellationToken cancellation = default)
    {
        string[] inside = [SystemTools.Find(network.Wrapper[0]), .. network.Wrapper.Skip(1)];
        CliProcess tcpdump = new CliRunner(SystemTools.Find("tcpdump")).Inside(inside)
            .Start(["-i", device, "-n", "-s", "0", "-B", BufferKiB, "-Z", "root", "-w", file]);
        try
        {
            await tcpdump.WaitForTextAsync("listening on", StartLimit, cancellation);
            return new PacketCapture(tcpdump, file);
        }
        catch
        {
            await tcpdump.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends it. Packets that the kernel dropped since nobody took them: none, or the capture is not all there was.</summary>
    public async Task<long> EndAsync(CancellationToken cancellation = default)
    {
        // What is in the kernel's buffer is taken once a second.
        await Task.Delay(TimeSpan.FromSeconds(2), cancellation);
        tcpdump.Signal(2);
        CliResult ended = (await tcpdump.WaitAsync(EndLimit, cancellation)).MustSucceed();
        return Dropped().Match(ended.Errors) is { Success: true } said ? long.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"tcpdump did not say what it dropped: {ended.Errors}");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => tcpdump.DisposeAsync();

    [GeneratedRegex(@"(\d+) packets? dropped by kernel")]
    private static partial Regex Dropped();
}
