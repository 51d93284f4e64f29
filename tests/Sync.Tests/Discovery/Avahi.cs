using VmPod.Testing;

namespace VmPod.Sync.Tests.Discovery;

/// <summary>Debian's avahi-daemon in a network namespace, with a message bus of its own: nothing of this machine's own bus or daemon is touched.</summary>
internal sealed class Avahi : IAsyncDisposable
{
    // /run of its own: the daemon's pid file and socket have fixed places there.
    private const string Script = """
        mount -t tmpfs tmpfs /run && mkdir /run/avahi-daemon || exit 1
        dbus-daemon --config-file="$0/bus.conf" --nofork --nopidfile &
        while [ ! -S "$0/bus" ]; do sleep 0.02; done
        avahi-daemon -f "$0/avahi.conf" --no-drop-root --no-rlimits
        """;

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(1);
    private readonly NetNamespace network;
    private readonly TempFolder folder;
    private readonly CliProcess daemon;

    private Avahi(NetNamespace network, TempFolder folder, CliProcess daemon) => (this.network, this.folder, this.daemon) = (network, folder, daemon);

    private static Dictionary<string, string?> Bus(TempFolder folder) => new() { ["DBUS_SYSTEM_BUS_ADDRESS"] = $"unix:path={folder["bus"]}" };

    internal static async Task<Avahi> StartAsync(NetNamespace network, string name)
    {
        _ = SystemTools.Find("dbus-daemon");
        _ = SystemTools.Find("avahi-daemon");
        var folder = new TempFolder();
        await File.WriteAllTextAsync(folder["bus.conf"], $"""
            <busconfig><type>system</type><listen>unix:path={folder["bus"]}</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>
            """);
        await File.WriteAllTextAsync(folder["avahi.conf"], $"""
            [server]
            host-name={name}
            use-ipv4=yes
            use-ipv6=no
            [wide-area]
            enable-wide-area=no
            [publish]
            publish-workstation=no
            """);
        CliProcess daemon = new CliRunner(SystemTools.Find("sh"), "-c", Script) { Environment = Bus(folder) }
            .Inside([SystemTools.Find("ip"), .. network.Wrapper.Skip(1), "unshare", "--mount"]).Start([folder.FullPath]);
        var avahi = new Avahi(network, folder, daemon);
        try
        {
            await daemon.WaitForTextAsync("Server startup complete", StartLimit);
            return avahi;
        }
        catch
        {
            await avahi.DisposeAsync();
            throw;
        }
    }

    /// <summary>What avahi-browse prints of pods, until it sees one: fields between semicolons, resolved ones begin with '='.</summary>
    internal async Task<string[][]> BrowseAsync()
    {
        CliRunner browse = new CliRunner(SystemTools.Find("avahi-browse")) { Environment = Bus(folder) }
            .Inside([SystemTools.Find("ip"), .. network.Wrapper.Skip(1)]);
        for (int tries = 0; tries < 20; tries++)
        {
            CliResult printed = (await browse.RunAsync(["--resolve", "--parsable", "--terminate", "--no-db-lookup", "_vmpod._tcp"])).MustSucceed();
            string[][] resolved = [.. printed.Output.Split('\n').Where(l => l.StartsWith('=')).Select(l => l.Split(';'))];
            if (resolved.Length > 0)
                return resolved;
        }
        return [];
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await daemon.DisposeAsync();
        folder.Dispose();
    }
}
