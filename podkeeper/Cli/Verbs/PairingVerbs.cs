using System.CommandLine;
using System.Globalization;
using System.Net;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.PodKeeper.Pairings;
using VmPod.Sync.Channel.Pairings;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>pair, unpair and pairings: which hosts may reach this pod. None of them needs the passphrase: they are for whoever has the pod in hand.</summary>
internal static class PairingVerbs
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(PairingLimits.OpenMillisecondsMax + 2 * PairingLimits.AnswerMillisecondsMax);

    internal static Command CreatePair()
    {
        Argument<string> pod = Arguments.Pod();
        var role = new Option<string>("--role")
        {
            HelpName = "home|foreign",
            Description = "home: your own machine, which may list sessions, and read sealed cells while the pod is locked.",
            DefaultValueFactory = _ => "foreign",
        };
        var digits = new Option<bool>("--digits") { Description = "Compare six digits on both screens instead of showing a code." };
        var address = new Option<string?>("--address") { HelpName = "HOST:PORT", Description = "Where the host reaches this pod; goes into the code." };
        var listen = new Option<string?>("--listen") { HelpName = "A:P", Description = "Where to listen while pairing; else the port after that of serve." };
        var verb = new Command("pair", "Open the pod for pairing with one host: five minutes, three tries.") { pod, role, digits, address, listen };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            bool json = parsed.GetValue(Arguments.Json), byDigits = parsed.GetValue(digits);
            HostRole hostRole = RoleOf(parsed.GetRequiredValue(role));
            string? at = parsed.GetValue(listen);
            var screen = new PairingTerminal(json);
            PairReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Pair, [parsed.GetRequiredValue(role), byDigits ? ServedCommands.Digits : "", parsed.GetValue(address) ?? "",
                    at ?? ""], ReplyJson.Default.PairReply, screen: screen, patience: Patience)
                : PairHere(folder, new PairingRequest(hostRole, byDigits, parsed.GetValue(address),
                    at is null ? PortFor(new IPEndPoint(IPAddress.Any, PodLimits.ServePort)) : Arguments.EndPoint(at)), screen);
            Output.Print(json, reply, ReplyJson.Default.PairReply, r => [$"Paired with {r.Name} as {r.Role} host. Its id is {r.Id}."]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    internal static Command CreateUnpair()
    {
        Argument<string> pod = Arguments.Pod();
        var id = new Argument<string>("ID") { Description = "The pairing's id, as pairings lists it." };
        var verb = new Command("unpair", "Make a host a stranger: its links end, and it cannot come back.") { pod, id };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod), text = parsed.GetRequiredValue(id);
            UInt128 which = IdOf(text);
            UnpairReply reply = Served.Is(folder) ? Served.Ask(folder, ServedCommands.Unpair, [text], ReplyJson.Default.UnpairReply)
                : UnpairHere(folder, which);
            if (!reply.WasPaired)
                throw new VmPodException(ExitCode.NotFound, $"There is no pairing {text}.", "podkeeper pairings DIR lists them.");
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.UnpairReply, r =>
            [
                $"Unpaired; {r.LinksEnded} links were ended.",
                "What it was given it keeps. podkeeper rotate DIR puts what is written from now on under keys that it never had.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    internal static Command CreatePairings()
    {
        Argument<string> pod = Arguments.Pod();
        var verb = new Command("pairings", "List the hosts that this pod is paired with.") { pod };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            var reply = new PairingsReply([.. PodPairings.List(folder, CellStore.ReadDescriptor(folder).VaultId).Select(ReplyOf)]);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.PairingsReply, r => r.Pairings.Count == 0
                ? ["The pod is paired with no host."]
                : r.Pairings.Select(p => $"{p.Id}  {p.Role,-7}  {p.Created:yyyy-MM-dd HH:mm}  {p.Name}"));
            return (int)ExitCode.Done;
        });
        return verb;
    }

    internal static HostRole RoleOf(string role) => role switch
    {
        "home" => HostRole.Home,
        "foreign" => HostRole.Foreign,
        _ => throw new VmPodException(ExitCode.Usage, "A host is home or foreign.", "--role home for your own machine."),
    };

    internal static UInt128 IdOf(string id) => UInt128.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 parsed) ? parsed
        : throw new VmPodException(ExitCode.Usage, "A pairing's id has 32 hexadecimal digits.", "podkeeper pairings DIR lists them.");

    /// <summary>Where a pod listens for pairing that is served there: the next port.</summary>
    internal static IPEndPoint PortFor(IPEndPoint served) =>
        new(served.Address, served.Port < IPEndPoint.MaxPort ? served.Port + 1 : 0);

    internal static PairReply ReplyOf(PairedHost host) => new(host.Id.ToString("x32", CultureInfo.InvariantCulture), host.Name,
        host.Role.ToString().ToLowerInvariant(), host.Created, host.LogName);

    private static PairReply PairHere(string folder, PairingRequest request, PairingTerminal screen)
    {
        using var interrupt = new Interrupt();
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        return ReplyOf(PodPairings.Open(opened, request, screen, TimeProvider.System, interrupt.Token));
    }

    private static UnpairReply UnpairHere(string folder, UInt128 id)
    {
        using Pod opened = Pod.Open(folder, StoreAccess.Write, TimeProvider.System);
        return new UnpairReply(id.ToString("x32", CultureInfo.InvariantCulture), PodPairings.Remove(opened, id), 0);
    }
}
