using System.Globalization;
using System.Net;
using VmPod.Foundation;

namespace VmPod.HostGuard.Pods;

/// <summary>What --pod names: a folder, or a machine (host:port).</summary>
internal sealed record PodAddress
{
    private const string Auto = "auto";

    private PodAddress(string text, EndPoint? machine) => (Text, Machine) = (text, machine);

    /// <summary>As it is shown; a folder's full path.</summary>
    public string Text { get; }

    /// <summary>The machine; null for a folder.</summary>
    public EndPoint? Machine { get; }

    /// <summary>The pairing that an announcement was known by; null if somebody typed the address.</summary>
    public UInt128? Pairing { get; init; }

    /// <summary>As <see cref="Parse"/>; "auto" is the one paired pod in reach.</summary>
    /// <exception cref="VmPodException">As for <see cref="PodsInReach.OnlyOneAsync"/>.</exception>
    public static async Task<PodAddress> FindAsync(string text, CancellationToken cancel) =>
        text == Auto ? await PodsInReach.OnlyOneAsync(cancel) : Parse(text);

    /// <summary>Reads one. What is a folder here is a folder; else host:port, [IPv6]:port.</summary>
    public static PodAddress Parse(string text)
    {
        if (Directory.Exists(text) || text.Contains('/', StringComparison.Ordinal))
            return new PodAddress(Path.GetFullPath(text), null);
        if (IPEndPoint.TryParse(text, out IPEndPoint? point) && point.Port != 0)
            return new PodAddress(text, point);
        int colon = text.LastIndexOf(':');
        if (colon > 0 && ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port > 0
            && Uri.CheckHostName(text[..colon]) == UriHostNameType.Dns)
            return new PodAddress(text, new DnsEndPoint(text[..colon], port));
        return new PodAddress(Path.GetFullPath(text), null);
    }
}
