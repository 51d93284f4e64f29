using System.Globalization;
using System.Net;
using VmPod.Foundation;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>Where a mirror is: a folder of this machine, one of another that is reached by ssh (P-112), or one that another pod keeps (P-124).</summary>
public sealed record MirrorPlace
{
    private const string Ssh = "ssh://", Pod = "pod://";

    private MirrorPlace()
    {
    }

    /// <summary>The folder; empty where another pod keeps it.</summary>
    public required string Folder { get; init; }

    /// <summary>The machine, or null for this one.</summary>
    public string? Host { get; private init; }

    /// <summary>The user there, or null for what ssh takes.</summary>
    public string? User { get; private init; }

    /// <summary>The port, or null for what ssh takes.</summary>
    public int? Port { get; private init; }

    /// <summary>True if another pod keeps it.</summary>
    public bool IsPod => Host is not null && Folder.Length == 0;

    /// <summary>As it is written: of a pod with its port.</summary>
    public override string ToString() => !IsPod ? Host is null ? Folder : $"{Ssh}{Host}{Folder}"
        : string.Create(CultureInfo.InvariantCulture, $"{Pod}{(Host!.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{PodPort}");

    /// <summary>The port at which the pod is served that keeps it.</summary>
    internal int PodPort => Port ?? PodLimits.ServePort;

    /// <summary>Reads a folder, ssh://[user@]host[:port]/path, or pod://host[:port].</summary>
    /// <exception cref="VmPodException">It is none of them (2).</exception>
    public static MirrorPlace Parse(string text)
    {
        bool isPod = text.StartsWith(Pod, StringComparison.Ordinal);
        if (!isPod && !text.StartsWith(Ssh, StringComparison.Ordinal))
            return text.Length > 0 && !text.Contains("://", StringComparison.Ordinal) ? new MirrorPlace { Folder = Path.GetFullPath(text) } : throw Wrong(text);
        string rest = text[(isPod ? Pod : Ssh).Length..];
        int slash = rest.IndexOf('/', StringComparison.Ordinal);
        if (isPod ? slash >= 0 : slash <= 0 || slash == rest.Length - 1)
            throw Wrong(text);
        (string authority, string path) = isPod ? (rest, "") : (rest[..slash], rest[slash..]);
        int at = authority.LastIndexOf('@');
        string? user = at < 0 ? null : authority[..at];
        string host = authority[(at + 1)..];
        int? port = null;
        int colon = host.LastIndexOf(':');
        // [::1] has colons of its own.
        if (colon >= 0 && !host.EndsWith(']'))
        {
            if (!int.TryParse(host[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number is < 1 or > 65_535)
                throw Wrong(text);
            (host, port) = (host[..colon], number);
        }
        host = host.Trim('[', ']');
        // Names of users and hosts become arguments of ssh: one that begins with a dash would be an option.
        bool IsName(string name) => name.Length is > 0 and <= 255 && name[0] != '-'
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or ':' or '%');
        return IsName(host) && (user is null || (IsName(user) && !isPod)) ? new MirrorPlace { Folder = path, Host = host, User = user, Port = port }
            : throw Wrong(text);
    }

    /// <summary>Reads host:port, or [IPv6]:port.</summary>
    /// <exception cref="VmPodException">It is none (2).</exception>
    public static EndPoint PodAt(string text) => Parse(Pod + text) is { Port: { } port } place ? place.At(port) : throw Wrong(text);

    /// <summary>The arguments of ssh, for a command there. The path stands in single quotes, so that a shell there takes it for one word.</summary>
    internal List<string> Arguments(string remoteCommand)
    {
        List<string> arguments = ["-T", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", "-o", "Compression=no"];
        if (Port is { } port)
            arguments.AddRange(["-p", port.ToString(CultureInfo.InvariantCulture)]);
        if (User is not null)
            arguments.AddRange(["-l", User]);
        arguments.AddRange(["--", Host!, $"{remoteCommand} serve --stdio {Quoted(Folder)}"]);
        return arguments;
    }

    /// <summary>The same host at another port.</summary>
    internal EndPoint At(int port) => IPAddress.TryParse(Host!, out IPAddress? address) ? new IPEndPoint(address, port) : new DnsEndPoint(Host!, port);

    private static string Quoted(string path) => $"'{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static VmPodException Wrong(string text) => new(ExitCode.Usage, $"{text} is no place of a mirror.",
        "A folder, ssh://[user@]host[:port]/path/of/the/folder, or pod://host[:port].");
}
