using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Pods;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.HostGuard.Commands;

/// <summary>pair, unpair and residues: what this host keeps of pods between sessions.</summary>
internal static class PairCommands
{
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(5);

    /// <summary>pair POD: by the code that the pod shows, or by comparing six digits.</summary>
    public static Command Pair(Option<bool> json)
    {
        var pod = new Argument<string?>("POD")
        {
            Arity = ArgumentArity.ZeroOrOne,
            Description = "host:port where the pod waits (podkeeper pair says it); may be left out if the code has it.",
        };
        var code = new Option<string?>("--code-file") { Description = "Read the pod's code from this file ('-': standard input) instead of asking." };
        var digits = new Option<bool>("--digits") { Description = "Compare six digits on both screens instead of typing the code." };
        var name = new Option<string?>("--name") { Description = "What this host calls itself; the machine's name if left out." };
        var command = new Command("pair", "Make this host known to a pod, once.") { pod, code, digits, name };
        command.Act(json, (result, cancel) =>
        {
            string called = result.GetValue(name) ?? Environment.MachineName;
            using Pairing pairing = result.GetValue(digits)
                ? ByDigits(result.GetValue(pod), called, cancel) : ByCode(result.GetValue(pod), result.GetValue(code), called, cancel);
            PairingFolder.Save(HostFolder.Pods(), pairing);
            var reply = new PairReply(pairing.Id.ToString("x32", CultureInfo.InvariantCulture), pairing.PeerName, pairing.Role.ToString().ToLowerInvariant());
            Console.Out.WriteLine(result.GetValue(json) ? JsonSerializer.Serialize(reply, HostGuardJson.Default.PairReply)
                : $"Paired with {reply.Pod}; this host is {reply.Role} to it. Go on with: hostguard resume SESSION --pod HOST:PORT");
            return Task.CompletedTask;
        });
        return command;
    }

    /// <summary>unpair PAIRING: forgets a pod.</summary>
    public static Command Unpair(Option<bool> json)
    {
        var id = new Argument<string>("PAIRING") { Description = "The pairing's id: 32 hex digits." };
        var command = new Command("unpair", "Forget a pod: its key and all that is known of it.") { id };
        command.Act(json, (result, _) =>
        {
            if (!UInt128.TryParse(result.GetValue(id), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 pairing)
                || !PairingFolder.Remove(HostFolder.Pods(), pairing))
                throw new VmPodException(ExitCode.NotFound, "This host has no such pairing.", "hostguard pair --help");
            File.Delete(Path.Combine(HostFolder.Pods(), pairing.ToString("x32", CultureInfo.InvariantCulture) + ".json"));
            HomeKeyFile.Remove(HostFolder.Pods(), pairing);
            Console.Out.WriteLine(result.GetValue(json) ? "{}" : "Forgotten. On the pod: podkeeper unpair DIR ID.");
            return Task.CompletedTask;
        });
        return command;
    }

    /// <summary>residues [--hand-in POD]: what waits for its pod.</summary>
    public static Command Residues(Option<bool> json)
    {
        var handIn = new Option<string?>("--hand-in")
        {
            HelpName = "HOST:PORT",
            Description = "Hand them in to the pod there; 'auto': to the one paired pod in reach.",
        };
        var command = new Command("residues", "Sealed work that a pod did not take before it was gone.") { handIn };
        command.Act(json, async (result, cancel) =>
        {
            IReadOnlyList<ResidueReport> reports = result.GetValue(handIn) is { } pod
                ? Give(await PodAddress.FindAsync(pod, cancel), cancel) : HandIn.List();
            Console.Out.WriteLine(result.GetValue(json) ? JsonSerializer.Serialize(reports, HostGuardJson.Default.IReadOnlyListResidueReport)
                : reports.Count == 0 ? "No residue."
                : string.Join("\n", reports.Select(r => $"{r.Session}: {r.Bytes >> 10} KiB of {r.Begun:yyyy-MM-dd HH:mm} for the pod at {r.Pod}, {r.State}")));
            if (reports.Any(r => r.State.StartsWith("kept", StringComparison.Ordinal)))
                throw new VmPodException(ExitCode.Busy, "The pod did not take all of them.", "The lines say why; they stay here.");
        });
        return command;
    }

    private static List<ResidueReport> Give(PodAddress pod, CancellationToken cancel)
    {
        if (pod.Machine is null)
            throw new VmPodException(ExitCode.Usage, "Residues are handed in to a pod that is another machine.", "--hand-in HOST:PORT");
        var reports = new List<ResidueReport>();
        foreach (Pairing pairing in PairingFolder.Load(HostFolder.Pods()))
        {
            using (pairing)
            {
                if (pod.Pairing is null || pod.Pairing == pairing.Id)
                    reports.AddRange(HandIn.Run(pod, pairing, TimeProvider.System, cancel));
            }
        }
        return reports;
    }

    private static Pairing ByCode(string? pod, string? file, string name, CancellationToken cancel)
    {
        using SecretBuffer text = file is null ? SecretInput.ReadTerminal("The pod's code: ") : SecretInput.ReadFile(file);
        if (!PairingCode.TryRead(text.ReadOnlyBytes, out PairingCode? code))
            throw new VmPodException(ExitCode.Usage, "This is no pairing code, or it is mistyped.", "podkeeper pair DIR shows it.");
        using (code)
        {
            string address = pod ?? (code!.Address.Length > 0 ? code.Address
                : throw new VmPodException(ExitCode.Usage, "The code does not say where the pod is.", "hostguard pair HOST:PORT"));
            return PairingHost.ByCode(Dial(address, cancel), code!, name);
        }
    }

    private static Pairing ByDigits(string? pod, string name, CancellationToken cancel) =>
        PairingHost.ByDigits(Dial(pod ?? throw new VmPodException(ExitCode.Usage, "Where is the pod?", "hostguard pair --digits HOST:PORT"), cancel),
            Same, name);

    private static bool Same(int digits, CancellationToken timeUp)
    {
        Console.Error.Write($"Does the pod show {DigitsText.Of(digits)}? [y/N] ");
        return Console.ReadLine() is "y" or "Y" or "yes" && !timeUp.IsCancellationRequested;
    }

    private static Socket Dial(string text, CancellationToken cancel)
    {
        EndPoint where = PodAddress.Parse(text).Machine ?? throw new VmPodException(ExitCode.Usage, $"{text} is no HOST:PORT.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(ConnectTime);
        try
        {
            socket.ConnectAsync(where, deadline.Token).AsTask().GetAwaiter().GetResult();
            return socket;
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            socket.Dispose();
            throw new VmPodException(ExitCode.LinkLost, $"Nobody answers at {text}.", "podkeeper pair DIR says where it waits.", e);
        }
    }
}
