using System.CommandLine;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Pods;
using VmPod.HostGuard.Session;
using VmPod.PodKeeper;
using VmPod.PodKeeper.Agent;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.HostGuard.Commands;

/// <summary>The verbs of hostguard (hostguard/README.md, "Commands").</summary>
internal static partial class HostGuardCommands
{
    private static readonly Option<bool> Json = new("--json") { Description = "Answer with JSON, for programs." };
    private static readonly Option<string> PodOption = new("--pod")
    {
        Description = "The pod: its folder, host:port, or 'auto': the one paired pod in reach.",
        Required = true,
    };
    private static readonly Option<string?> PinFile = new("--pin-file")
    {
        Description = "Read the passphrase from this file ('-': standard input) instead of asking.",
    };
    private static readonly Option<bool> Emulation = new("--allow-emulation")
    {
        Description = "Emulate the CPU where KVM does not work: for tests only, slow and no security boundary.",
    };
    private static readonly Option<string?> Flush = new("--flush")
    {
        Description = "'host' (default): a guest's flush returns when the write is in this host's memory. 'pod': when the pod has it.",
    };
    private static readonly Option<string?> Oracle = new("--oracle")
    {
        HelpName = "off",
        Description = "'off': the session's chunks are stored alone from now on, for good, so that sizes tell little of what is in them. It costs room.",
    };
    private static readonly Option<int> Grace = new("--grace")
    {
        Description = "Seconds that the machine stands still after the pod is gone, before it is wiped.",
        DefaultValueFactory = _ => 10,
    };
    private static readonly Option<int> CheckpointEvery = new("--checkpoint-every")
    {
        Description = "Seconds between checkpoints with memory; 0: only when asked.",
        DefaultValueFactory = _ => 0,
    };
    private static readonly Option<bool> Complete = new("--complete")
    {
        Description = "Fetch all of the session in the background, behind what the machine waits for; only of use with a pod that is another machine.",
    };

    private static readonly Option<bool> Outbound = new("--outbound") { Description = "Let the guest open connections to the outside." };

    /// <summary>All of them.</summary>
    public static RootCommand Build()
    {
        Json.Recursive = true;
        var root = new RootCommand("hostguard runs a session of a pod on this host, and wipes it when the pod leaves.")
        {
            Adopt(), Start("resume", boot: false), Start("boot", boot: true), Suspend(), Checkpoint(), Rehearse(), Leave(), Status(), ConsoleVerb(), View(),
                Doctor(), Preflight(), PairCommands.Pair(Json), PairCommands.Unpair(Json), PairCommands.Residues(Json),
                PodsCommand.Create(Json), WatchCommand.Create(Json), LinkCommand.Create(Json),
        };
        root.Options.Add(Json);
        return root;
    }

    private static Command Adopt()
    {
        var name = new Argument<string>("NAME") { Description = "The new session's name." };
        var qemu = new Option<string?>("--qemu") { Description = "A raw disk image." };
        var memory = new Option<int>("--memory") { Description = "MiB of RAM.", DefaultValueFactory = _ => 1024 };
        var cpus = new Option<int>("--cpus") { Description = "CPUs.", DefaultValueFactory = _ => Math.Clamp(Environment.ProcessorCount, 1, 4) };
        var model = new Option<string>("--cpu-model") { Description = "The named CPU baseline; fixed for the session.", DefaultValueFactory = _ => "qemu64" };
        var display = new Option<bool>("--display") { Description = "Give the machine a screen." };
        var network = new Option<bool>("--network-card") { Description = "Give the machine a network card (it works only with --outbound)." };
        var agent = new Option<bool>("--test-agent") { Description = "Give the machine the witness port: tests and demo only." };
        var command = new Command("adopt", "Take a machine's disk into the pod as a new session.") { name, qemu, memory, cpus, model, display,
            network, agent, Oracle, PodOption, PinFile };
        command.Act(Json, async (result, cancel) =>
        {
            string disk = result.GetValue(qemu) ?? throw new VmPodException(ExitCode.Usage, "adopt needs --qemu DISK.",
                "VMware machines come with a later version.");
            PodAddress pod = await PodAddress.FindAsync(result.GetValue(PodOption)!, cancel);
            var request = new Adoption.Request(result.GetValue(name)!, disk, pod.Text, result.GetValue(memory),
                result.GetValue(cpus), result.GetValue(model)!,
                result.GetValue(display), result.GetValue(network), result.GetValue(agent), StoreAlone(result));
            using SecretBuffer? passphrase = Passphrase(result, pod);
            AdoptResult adopted = Adoption.Run(request, passphrase, result.GetValue(Json) ? null : new ProgressLine(), cancel);
            Show(result, adopted, HostGuardJson.Default.AdoptResult,
                $"{adopted.Session}: {adopted.BytesRead >> 20} MiB read, {adopted.BytesAdded >> 20} MiB stored as generation "
                + $"{adopted.Generation} in {adopted.WallS:0.0} s.\n"
                + $"Start it with: hostguard boot {adopted.Session} --pod {request.Pod}");
        });
        return command;
    }

    private static bool StoreAlone(ParseResult result) => result.GetValue(Oracle) switch
    {
        null => false,
        "off" => true,
        _ => throw new VmPodException(ExitCode.Usage, "--oracle can only be 'off'.", "Leave it out otherwise."),
    };

    private static Command Start(string verb, bool boot)
    {
        var session = new Argument<string>("SESSION");
        var generation = new Option<ulong?>("--generation") { Description = "Go on from this checkpoint instead of the newest." };
        var fork = new Option<string?>("--fork") { HelpName = "NAME", Description = "Go on from a fork (podkeeper sessions DIR SESSION lists them)." };
        var drop = new Option<bool>("--drop-disk-changes") { Description = "Go on from the checkpoint although the disk was changed since." };
        var overlay = new Option<int>("--overlay") { Description = "MiB of locked memory for what is not sealed yet.", DefaultValueFactory = _ => 128 };
        var cache = new Option<int>("--cache") { Description = "MiB of locked memory for decoded chunks.", DefaultValueFactory = _ => 96 };
        var command = new Command(verb, boot ? "Start a session from power-on, from its newest disk." : "Go on with a session where it was suspended.")
        {
            session, PodOption, PinFile, Emulation, Flush, Oracle, Grace, CheckpointEvery, Outbound, Complete, overlay, cache, fork,
        };
        if (!boot)
        {
            command.Add(generation);
            command.Add(drop);
        }
        command.Act(Json, async (result, cancel) =>
        {
            var watch = Stopwatch.StartNew();
            string name = result.GetValue(session)!;
            PodAddress pod = await PodAddress.FindAsync(result.GetValue(PodOption)!, cancel);
            using SecretBuffer? passphrase = Passphrase(result, pod);
            HandIn.Quietly(pod, TimeProvider.System, text => Console.Error.WriteLine(text), cancel);
            var request = new SessionRequest
            {
                Pod = pod.Text,
                Session = name,
                Boot = boot,
                Generation = boot ? null : result.GetValue(generation),
                Fork = result.GetValue(fork) is not { } left ? null
                    : !boot && result.GetValue(generation) is not null ? throw new VmPodException(ExitCode.Usage, "--generation or --fork, not both.")
                    : ForkName.TryParse(left, out ulong id) ? id
                    : throw new VmPodException(ExitCode.Usage, "A fork's name is fork- and 16 hex digits.", "podkeeper sessions DIR SESSION lists them."),
                DropDiskChanges = !boot && result.GetValue(drop),
                AllowEmulation = result.GetValue(Emulation),
                FlushToPod = result.GetValue(Flush) switch
                {
                    null or "host" => false,
                    "pod" => true,
                    _ => throw new VmPodException(ExitCode.Usage, "--flush is 'host' or 'pod'."),
                },
                StoreAlone = StoreAlone(result),
                OutboundNetwork = result.GetValue(Outbound),
                Complete = result.GetValue(Complete),
                RunFolder = RunFolders.Make(name),
                GraceMs = result.GetValue(Grace) * 1000,
                CheckpointEverySeconds = result.GetValue(CheckpointEvery),
                OverlayMiB = result.GetValue(overlay),
                CacheMiB = result.GetValue(cache),
                PassphraseFollows = passphrase is not null,
            };
            ControlReply reply = await SessionStarter.StartAsync(request, passphrase, cancel);
            Show(result, reply, HostGuardJson.Default.ControlReply,
                $"{name} runs from generation {reply.Result!.Generation} ({watch.Elapsed.TotalSeconds:0.00} s; CPU: {reply.Status!.Accelerator}).\n"
                + $"Console: hostguard console {name}   End: hostguard suspend {name}{Attention(reply.Result.ForkWarning)}");
        });
        return command;
    }

    private static Command Suspend()
    {
        var session = new Argument<string>("SESSION");
        var command = new Command("suspend", "Save the session with its memory to the pod, and wipe this host.") { session };
        command.Act(Json, (result, cancel) => EndAsync(result, result.GetValue(session)!, "suspend", cancel));
        return command;
    }

    private static Command Leave()
    {
        var session = new Argument<string?>("SESSION") { Arity = ArgumentArity.ZeroOrOne, Description = "All sessions of this user if left out." };
        var simulate = new Option<bool>("--simulate") { Description = "Say what would be done, and do nothing." };
        var command = new Command("leave", "Save and wipe: before the pod is taken away.") { session, simulate };
        command.Act(Json, async (result, cancel) =>
        {
            string[] names = result.GetValue(session) is { } one ? [one] : [.. (await RunningAsync(cancel)).Select(s => s.Session)];
            foreach (string name in names)
            {
                if (!result.GetValue(simulate))
                {
                    await EndAsync(result, name, "leave", cancel);
                    continue;
                }
                ControlReply reply = await ControlClient.AskAsync(name, new ControlRequest { Verb = "simulate-leave" }, cancel);
                Show(result, reply, HostGuardJson.Default.ControlReply, $"{name}, if it left now:\n  " + string.Join("\n  ", reply.Plan!));
            }
        });
        return command;
    }

    private static async Task EndAsync(ParseResult result, string name, string verb, CancellationToken cancel)
    {
        ControlReply reply = await ControlClient.AskAsync(name, new ControlRequest { Verb = verb }, cancel);
        SessionResult done = reply.Result!;
        Show(result, reply, HostGuardJson.Default.ControlReply,
            $"{name}: {done.Receipt!.Outcome} as generation {done.Generation} in {done.WallS:0.00} s "
            + $"({done.BytesAdded >> 20} MiB to the pod). This host is wiped: "
            + $"{done.Receipt.PagesZeroed} pages of guest memory zeroed.\nNot guaranteed: {string.Join("; ", done.Receipt.NotGuaranteed)}."
            + Attention(done.ForkWarning));
    }

    private static string Attention(string? warning) => warning is null ? "" : $"\nAttention: {warning}";

    private static Command Checkpoint()
    {
        var session = new Argument<string>("SESSION");
        var label = new Option<string?>("--label") { Description = "A word to find it by." };
        var command = new Command("checkpoint", "Save the session with its memory while it runs.") { session, label };
        command.Act(Json, async (result, cancel) =>
        {
            string name = result.GetValue(session)!;
            ControlReply reply = await ControlClient.AskAsync(name, new ControlRequest { Verb = "checkpoint", Label = result.GetValue(label) }, cancel);
            SessionResult done = reply.Result!;
            Show(result, reply, HostGuardJson.Default.ControlReply,
                $"{name}: generation {done.Generation}, paused for {done.PauseS * 1000:0} ms, on the pod after "
                + $"{done.WallS:0.00} s ({done.BytesAdded >> 20} MiB).");
        });
        return command;
    }

    private static Command Status()
    {
        var session = new Argument<string?>("SESSION") { Arity = ArgumentArity.ZeroOrOne };
        var watch = new Option<bool>("--watch") { Description = "Again each second, until stopped." };
        var command = new Command("status", "What runs on this host.") { session, watch };
        command.Act(Json, async (result, cancel) =>
        {
            do
            {
                IReadOnlyList<SessionStatus> all = result.GetValue(session) is { } one
                    ? [(await ControlClient.AskAsync(one, new ControlRequest { Verb = "status" }, cancel)).Status!]
                    : await RunningAsync(cancel);
                Show(result, all, HostGuardJson.Default.IReadOnlyListSessionStatus, all.Count == 0 ? "No session runs on this host."
                    : string.Join("\n", all.Select(Line)));
                if (result.GetValue(watch))
                    await Task.Delay(TimeSpan.FromSeconds(1), cancel);
            }
            while (result.GetValue(watch));
        });
        return command;

        static string Line(SessionStatus s) => $"{s.Session}: {s.Phase}, generation {s.Generation} ({s.GenerationAgeSeconds:0} s old), "
            + $"not on the pod yet: disk {(s.DiskUnsealedBytes + s.SealedUncommittedBytes) >> 10} KiB"
            + $"{(s.UnsyncedS > 0 ? $" (the oldest for {s.UnsyncedS:0} s)" : "")}, memory {s.MemoryUnsealedBytes >> 10} KiB"
            + $"{(s.LeaveS is { } leave ? $"; leave takes about {leave:0.0} s" : "")}"
            + $"{(s.PodRoomWarning is { } full ? "; " + full : "")}"
            + $"{(s.Trouble is null ? "" : "; " + s.Trouble)}"
            + Attention(s.ForkWarning);
    }

    private static Command ConsoleVerb()
    {
        var session = new Argument<string>("SESSION");
        var command = new Command("console", "The session's serial line. Ctrl-] ends it.") { session };
        command.Act(Json, async (result, cancel) =>
        {
            SessionStatus status = (await ControlClient.AskAsync(result.GetValue(session)!, new ControlRequest { Verb = "status" }, cancel)).Status!;
            await ConsoleBridge.RunAsync(status.Console!, cancel);
        });
        return command;
    }

    private static Command View()
    {
        var session = new Argument<string>("SESSION");
        var command = new Command("view", "The session's screen: a local socket that a VNC viewer can open.") { session };
        command.Act(Json, async (result, cancel) =>
        {
            string name = result.GetValue(session)!;
            await ScreenBridge.RunAsync(name, RunFolders.Of(name), cancel);
        });
        return command;
    }

    private static Command Doctor()
    {
        var command = new Command("doctor", "Look whether this machine can run sessions.");
        command.Act(Json, (result, _) => ShowFindings(result, HostCheck.Machine()));
        return command;
    }

    private static Command Preflight()
    {
        var session = new Argument<string>("SESSION");
        var command = new Command("preflight", "Look whether this machine can run this session, before any byte moves.") { session, PodOption, PinFile };
        command.Act(Json, async (result, cancel) =>
        {
            PodAddress pod = await PodAddress.FindAsync(result.GetValue(PodOption)!, cancel);
            using SecretBuffer? passphrase = Passphrase(result, pod);
            await ShowFindings(result, HostCheck.Session(result.GetValue(session)!, pod.Text, passphrase));
        });
        return command;
    }

    private static Task ShowFindings(ParseResult result, IReadOnlyList<Finding> findings)
    {
        Show(result, findings, HostGuardJson.Default.IReadOnlyListFinding,
            string.Join("\n", findings.Select(f => $"{f.Verdict,-5} {f.Name}: {f.Found}{(f.Cure is null ? "" : "\n      " + f.Cure)}")));
        if (findings.Any(f => f.Verdict == "red"))
            throw new VmPodException(ExitCode.Missing, "This machine cannot run it as it is.", "The red lines say what would help.");
        return Task.CompletedTask;
    }

    private static async Task<IReadOnlyList<SessionStatus>> RunningAsync(CancellationToken cancel)
    {
        var running = new List<SessionStatus>();
        foreach ((string session, string folder) in RunFolders.All())
        {
            using Socket? socket = await ControlClient.TryConnectAsync(folder, cancel);
            if (socket is not null)
                running.Add((await ControlClient.AskAsync(session, new ControlRequest { Verb = "status" }, cancel)).Status!);
        }
        return running;
    }

    // From the named file; else, if the pod's key agent has no key, from the terminal.
    private static SecretBuffer? Passphrase(ParseResult result, PodAddress pod)
    {
        if (result.GetValue(PinFile) is { } file)
            return SecretInput.ReadFile(file);
        if (pod.Machine is not null)
            return null;
        UInt128 vaultId = CellStore.ReadDescriptor(pod.Text).VaultId;
        bool agentHasIt = RuntimeFolder.TryFind() is { } folder && KeyAgentClient.IsServing(folder, vaultId);
        return agentHasIt ? null : LockedPod.Ask("Passphrase of the pod: ", pod.Text);
    }

    private static void Show<T>(ParseResult result, T value, JsonTypeInfo<T> type, string prose) =>
        Console.Out.WriteLine(result.GetValue(Json) ? JsonSerializer.Serialize(value, type) : prose);
}
