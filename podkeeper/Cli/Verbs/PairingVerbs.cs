using System.CommandLine;
using System.Globalization;
using System.Net;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.PodKeeper.Mirrors;
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
            HelpName = "home|foreign|mirror",
            Description = "home: your own machine, which may list sessions, and read sealed cells while the pod is locked. mirror: no host but another pod, "
                + "whose mirror this one then keeps.",
            DefaultValueFactory = _ => "foreign",
        };
        var digits = new Option<bool>("--digits") { Description = "Compare six digits on both screens instead of showing a code." };
        var address = new Option<string?>("--address") { HelpName = "HOST:PORT", Description = "Where the host reaches this pod; goes into the code." };
        var listen = new Option<string?>("--listen") { HelpName = "A:P", Description = "Where to listen while pairing; else the port after that of serve." };
        var copy = new Option<string?>("--copy")
        {
            HelpName = "NAME",
            Description = "With --role mirror: the copy that it may write and read, as pairings lists it, to restore a lost pod; or a name for a new one.",
        };
        var verb = new Command("pair", "Open the pod for pairing with one host, or one pod: five minutes, three tries.")
        {
            pod, role, digits, address, listen, copy,
        };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            bool json = parsed.GetValue(Arguments.Json), byDigits = parsed.GetValue(digits);
            HostRole hostRole = RoleOf(parsed.GetRequiredValue(role));
            string? at = parsed.GetValue(listen);
            string? name = CopyOf(hostRole, parsed.GetValue(copy));
            var screen = new PairingTerminal(json, hostRole);
            IPEndPoint own = at is null ? PortFor(new IPEndPoint(IPAddress.Any, PodLimits.ServePort)) : Arguments.EndPoint(at);
            var request = new PairingRequest(hostRole, byDigits, parsed.GetValue(address), own) { Copy = name };
            PairReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Pair, [parsed.GetRequiredValue(role), byDigits ? ServedCommands.Digits : "", parsed.GetValue(address) ?? "",
                    at ?? "", name ?? ""], ReplyJson.Default.PairReply, screen: screen, patience: Patience)
                : PairHere(folder, request, screen);
            Output.Print(json, reply, ReplyJson.Default.PairReply, r =>
            [
                r.Copy is null ? $"Paired with {r.Name} as {r.Role} host. Its id is {r.Id}."
                    : $"Paired with {r.Name}, whose mirror is kept as the copy {r.Copy} while this pod is served. The pairing's id is {r.Id}.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    internal static Command CreateUnpair()
    {
        Argument<string> pod = Arguments.Pod();
        var id = new Argument<string>("ID") { Description = "The pairing's id, as pairings lists it." };
        var verb = new Command("unpair", "Make a host, or a pod, a stranger: its links end, and it cannot come back.") { pod, id };
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
                "What it was given it keeps; a copy that was kept of it stays, too. podkeeper rotate DIR puts what is written from now on under keys that "
                    + "it never had.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    internal static Command CreatePairings()
    {
        Argument<string> pod = Arguments.Pod();
        var verb = new Command("pairings", "List the hosts, and the pods, that this pod is paired with.") { pod };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            UInt128 vault = CellStore.ReadDescriptor(folder).VaultId;
            var reply = new PairingsReply([.. PodPairings.List(folder, vault).Select(ReplyOf)],
                [.. Keepers.List(folder, vault).Select(k => new KeeperReply(IdOf(k.Keeper.Id), k.Keeper.Name, k.Place, k.Keeper.Created, k.Keeper.LogName))]);
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.PairingsReply, r => r.Pairings.Count + r.Keepers.Count == 0
                ? ["The pod is paired with no host."]
                : r.Pairings.Select(p => $"{p.Id}  {p.Role,-7}  {p.Created:yyyy-MM-dd HH:mm}  {p.Name}{(p.Copy is null ? "" : $", kept as {p.Copy}")}")
                    .Concat(r.Keepers.Select(k => $"{k.Id}  keeper   {k.Created:yyyy-MM-dd HH:mm}  {k.Name}, last at {k.Place ?? "no known place"}")));
            return (int)ExitCode.Done;
        });
        return verb;
    }

    internal static HostRole RoleOf(string role) => role switch
    {
        "home" => HostRole.Home,
        "foreign" => HostRole.Foreign,
        "mirror" => HostRole.Mirror,
        _ => throw new VmPodException(ExitCode.Usage, "A host is home or foreign, and a pod whose mirror is kept is mirror.",
            "--role home for your own machine."),
    };

    /// <summary>The name of the copy, where there is one to name.</summary>
    internal static string? CopyOf(HostRole role, string? name)
    {
        if (name is null)
            return null;
        if (role != HostRole.Mirror)
            throw new VmPodException(ExitCode.Usage, "Only a pod whose mirror is kept has a copy.", "Add --role mirror, or leave out --copy.");
        return KeptCopies.IsName(name) ? name : throw new VmPodException(ExitCode.Usage, "A copy's name has 1 to 64 lower-case letters, digits and dashes.",
            "podkeeper pairings DIR lists those that there are.");
    }

    internal static UInt128 IdOf(string id) => UInt128.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 parsed) ? parsed
        : throw new VmPodException(ExitCode.Usage, "A pairing's id has 32 hexadecimal digits.", "podkeeper pairings DIR lists them.");

    /// <summary>Where a pod listens for pairing that is served there: the next port.</summary>
    internal static IPEndPoint PortFor(IPEndPoint served) =>
        new(served.Address, served.Port < IPEndPoint.MaxPort ? served.Port + 1 : 0);

    internal static PairReply ReplyOf(PairedHost host) => new(IdOf(host.Id), host.Name, host.Role.ToString().ToLowerInvariant(), host.Created,
        host.LogName, host.Copy);

    private static string IdOf(UInt128 id) => id.ToString("x32", CultureInfo.InvariantCulture);

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
