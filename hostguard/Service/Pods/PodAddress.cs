using System.Globalization;
using System.Net;

namespace VmPod.HostGuard.Pods;

/// <summary>What --pod names: a folder, or a machine (host:port).</summary>
internal sealed record PodAddress
{
    private PodAddress(string text, EndPoint? machine) => (Text, Machine) = (text, machine);

    /// <summary>As it is shown; a folder's full path.</summary>
    public string Text { get; }

    /// <summary>The machine; null for a folder.</summary>
    public EndPoint? Machine { get; }

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
