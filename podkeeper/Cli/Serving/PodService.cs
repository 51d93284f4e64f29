using System.Globalization;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Hosting.Systemd;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Control;
using VmPod.PodKeeper.Serving;

namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>The server's life under the host: control socket, address file, systemd's notifications, and an end in order.</summary>
internal sealed class PodService(PodServer server, RuntimeFolder runtime, string folder, bool announce, Serilog.ILogger log, Action ready, Action stop)
    : IHostedService
{
    private readonly SystemdNotifier systemd = new();
    private ControlServer? control;
    private FolderWatch? watch;
    private PodAnnouncer? announcer;

    /// <summary>True if it ended because the pod's folder was pulled.</summary>
    public bool IsPodGone => watch is { IsGone: true };

    /// <summary>Everything answers when this returns.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        var commands = new ServedCommands(server, folder);
        control = ControlServer.Listen(runtime, server.VaultId, commands.Answer, e => log.Error(e, "A command of the control socket failed."));
        WriteAddress();
        watch = FolderWatch.Start(folder, server.VaultId, stop);
        if (announce)
            announcer = PodAnnouncer.Start(server, TimeProvider.System, note => ErrorStreamSink.Write(log, note));
        ready();
        systemd.Notify(ServiceState.Ready);
        return Task.CompletedTask;
    }

    /// <summary>Leases stay open: their hosts may come back.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        systemd.Notify(ServiceState.Stopping);
        announcer?.Dispose();
        watch?.Dispose();
        File.Delete(runtime.AddressFileOf(server.VaultId));
        control?.Dispose();
        server.Dispose();
        return Task.CompletedTask;
    }

    // As a whole or not at all: somebody may be waiting for it.
    private void WriteAddress()
    {
        string path = runtime.AddressFileOf(server.VaultId), part = path + ".part";
        File.WriteAllText(part, string.Create(CultureInfo.InvariantCulture, $"{server.State.Address}\n"));
        File.SetUnixFileMode(part, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.Move(part, path, overwrite: true);
    }
}
