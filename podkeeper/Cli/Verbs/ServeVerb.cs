using System.CommandLine;
using System.Globalization;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Serilog;
using Serilog.Events;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.PodKeeper.Serving;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>serve DIR: paired hosts reach this pod over the network, until SIGTERM or Ctrl-C.</summary>
internal static class ServeVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        Option<string?> pinFile = Arguments.PinFile();
        Option<string> listen = Arguments.Listen(new IPEndPoint(IPAddress.Any, PodLimits.ServePort));
        var noAnnounce = new Option<bool>("--no-announce") { Description = "Say nothing on the network: hosts then need the address." };
        var limit = new Option<int?>("--send-limit")
        {
            HelpName = "MBIT",
            Description = "Send no more than this over each link, in Mbit/s. What a guest waits for goes at once, and counts.",
        };
        var stdio = new Option<bool>("--stdio")
        {
            Description = "Answer one mirror link on standard input and output, as ssh runs it: DIR is a mirror, or becomes one. Needs no passphrase.",
        };
        var mirrors = new Option<string?>("--mirrors")
        {
            HelpName = "FOLDER",
            Description = "Where the mirrors of other pods are kept (pair --role mirror); else DIR/mirrors.",
        };
        var verb = new Command("serve", "Serve a pod to paired hosts. Without --pin-file, and without a key agent, it is served locked.")
        {
            pod, listen, pinFile, noAnnounce, limit, stdio, mirrors,
        };
        verb.SetAction(parsed => parsed.GetValue(stdio) ? StdioMirror.Run(Path.GetFullPath(parsed.GetRequiredValue(pod)))
            : Run(Path.GetFullPath(parsed.GetRequiredValue(pod)), Arguments.EndPoint(parsed.GetRequiredValue(listen)),
                parsed.GetValue(pinFile), !parsed.GetValue(noAnnounce), Rate(parsed.GetValue(limit)),
                parsed.GetValue(mirrors) is { } kept ? Path.GetFullPath(kept) : null, parsed.GetValue(Arguments.Json)));
        return verb;
    }

    private static int Run(string folder, IPEndPoint listen, string? pinFile, bool announce, long? bytesPerSecond, string? mirrors,
        bool json)
    {
        RuntimeFolder runtime = RuntimeFolder.Make();
        using Serilog.Core.Logger log = new LoggerConfiguration().MinimumLevel.Information()
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning).WriteTo.Sink(new ErrorStreamSink()).CreateLogger();
        PodServer server = Start(folder, listen, pinFile, bytesPerSecond, mirrors, log);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddSerilog(log);
        PodService? service = null;
        builder.Services.AddHostedService(services => service = new PodService(server, runtime, folder, announce, log, () => Ready(server, runtime, json),
            services.GetRequiredService<IHostApplicationLifetime>().StopApplication));
        using IHost host = builder.Build();
        host.Run();
        return service is { IsPodGone: true }
            ? throw new VmPodException(ExitCode.LinkLost, $"The pod's folder {folder} is gone: it was pulled, unmounted or moved. All keys are zero.",
                "Bring it back and serve it again; leases stay open in it.")
            : (int)ExitCode.Done;
    }

    private static long? Rate(int? mbit) => mbit is null ? null
        : (long)mbit * 1_000_000 / 8 is var rate and >= WireLimits.BulkRateMin ? rate
        : throw new VmPodException(ExitCode.Usage, $"--send-limit is at least {WireLimits.BulkRateMin * 8 / 1_000_000} Mbit/s.");

    private static PodServer Start(string folder, IPEndPoint listen, string? pinFile, long? bytesPerSecond, string? mirrors,
        Serilog.ILogger log)
    {
        Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        try
        {
            Unlocking.UnlockIfOffered(opened, pinFile);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
        return PodServer.Start(opened, listen, TimeProvider.System, note => ErrorStreamSink.Write(log, note), bytesPerSecond,
            mirrors);
    }

    private static void Ready(PodServer server, RuntimeFolder runtime, bool json)
    {
        ServerState state = server.State;
        var reply = new ServeReply(true, state.Address, server.VaultText, state.IsUnlocked, Environment.ProcessId, runtime.Path);
        Output.Print(json, reply, ReplyJson.Default.ServeReply, r =>
        [
            string.Create(CultureInfo.InvariantCulture, $"Serving the pod {r.Vault} at {r.Address}, {(r.Unlocked ? "unlocked" : "locked")}."),
        ]);
        Console.Out.Flush();
    }
}
