using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Verbs;
using VmPod.PodKeeper.Control;
using VmPod.PodKeeper.Pairings;
using VmPod.PodKeeper.Serving;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Mirror;
using VmPod.Vault.House;

namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>Commands that other processes of this user give to the server, since it owns the vault. Each answers with what the verb prints.</summary>
internal sealed class ServedCommands(PodServer server, string folder)
{
    // Names of what is asked; the verbs of the command line, and two questions.
    internal const string IsYours = "is-yours", Unlock = "unlock", Lock = "lock", Status = "status", Sessions = "sessions", Release = "release",
        Review = "review", Pair = "pair", Unpair = "unpair", Accept = "accept", Forget = "forget", Gc = "gc", Squash = "squash", Clean = "clean",
        ReadCopy = "read-copy", NoteMirror = "note-mirror", NoteKeeper = "note-keeper", Forks = "forks", Keep = "keep";

    internal const string All = "all", Break = "break", Digits = "digits", DryRun = "dry-run";

    /// <summary>Answers a call.</summary>
    internal void Answer(ControlCall call)
    {
        byte[] answer;
        if (call.Verb == ReadCopy)
        {
            ServeCopy(call);
            return;
        }
        try
        {
            answer = Of(call);
        }
        catch (Exception e) when (e is not System.Net.Sockets.SocketException)
        {
            answer = Bytes(new ErrorReply(Failures.DetailOf(e)), ReplyJson.Default.ErrorReply);
        }
        call.Answer(answer);
    }

    // The mirror protocol, to one who may only read (P-113).
    private void ServeCopy(ControlCall call)
    {
        using Stream stream = call.TakeStream();
        using var answering = new MirrorServer(stream, stream, server.OpenCopy, write: null);
        try
        {
            _ = answering.Run();
        }
        catch (Exception e) when (e is VmPodException { ExitCode: ExitCode.LinkLost } or OperationCanceledException or ObjectDisposedException)
        {
            // The caller went away, or the server stops.
        }
    }

    private byte[] Of(ControlCall call)
    {
        IReadOnlyList<string> given = call.Arguments;
        switch (call.Verb)
        {
            case IsYours:
                return Bytes(new IsYoursReply(given.Count == 1 && Libc.FileIdentity(given[0]) == Libc.FileIdentity(folder)),
                    ReplyJson.Default.IsYoursReply);
            case Unlock:
                return Bytes(UnlockWith(call), ReplyJson.Default.UnlockReply);
            case Lock:
                (bool was, int leases) = server.Lock(given.Contains(All, StringComparer.Ordinal));
                return Bytes(new LockReply(server.VaultText, was, true, leases), ReplyJson.Default.LockReply);
            case Status:
                return Bytes(server.Look(p => StatusVerb.Describe(p, server.State)), ReplyJson.Default.StatusReply);
            case Sessions:
                return Bytes(server.Look(p => SessionsVerb.Describe(p, given.Count > 0 ? given[0] : null)), ReplyJson.Default.SessionsReply);
            case Release:
                return Bytes(new ReleaseReply(given[0], server.Release(given[0], given.Contains(Break, StringComparer.Ordinal))),
                    ReplyJson.Default.ReleaseReply);
            case Accept:
                (string session, ulong? generation, ulong? fork) = GetVerb.Split(given[0]);
                return Bytes(new AcceptReply(session, server.Accept(session, generation, fork)), ReplyJson.Default.AcceptReply);
            case Forget:
                return Bytes(server.With(p => ForgetVerb.Forget(p, given)), ReplyJson.Default.ForgetReply);
            case Forks:
                return Bytes(server.LookForLong((p, cancel) => ForksVerb.Describe(p, given.Count > 0 ? given[0] : null, null, cancel)),
                    ReplyJson.Default.ForksReply);
            case Keep:
                return Bytes(server.LookForLong((p, cancel) => KeepVerb.Keep(p, given[0], given[1], null, cancel)), ReplyJson.Default.KeepReply);
            case Squash:
                return Bytes(SquashVerb.ReplyOf(server.Squash(given[0])), ReplyJson.Default.RewriteReply);
            case Clean:
                bool isTry = given.Contains(DryRun, StringComparer.Ordinal);
                (IReadOnlyList<RewriteReport> sessions, GarbageReport? freed) = server.Clean(long.Parse(given[0], CultureInfo.InvariantCulture), isTry);
                return Bytes(CleanVerb.ReplyOf(sessions, freed, isTry), ReplyJson.Default.CleanReply);
            case Gc:
                bool isDryRun = given.Contains(DryRun, StringComparer.Ordinal);
                return Bytes(GcVerb.ReplyOf(server.CollectGarbage(isDryRun), isDryRun), ReplyJson.Default.GcReply);
            case NoteMirror:
                MirrorVerdict verdict = Enum.Parse<MirrorVerdict>(given[0]);
                ulong head = ulong.Parse(given[1], CultureInfo.InvariantCulture);
                server.With(p =>
                {
                    p.LogMirror(verdict, head, long.Parse(given[2], CultureInfo.InvariantCulture));
                    return 0;
                });
                return Bytes(new NotedReply(true), ReplyJson.Default.NotedReply);
            case NoteKeeper:
                server.With(p =>
                {
                    p.LogKeeper(PairingVerbs.IdOf(given[0]), Enum.Parse<PairingWay>(given[1]));
                    return 0;
                });
                return Bytes(new NotedReply(true), ReplyJson.Default.NotedReply);
            case Review:
                return Bytes(ReviewOf(given.Count > 0 ? given[0] : null), ReplyJson.Default.ReviewReply);
            case Pair:
                return Bytes(PairWith(call), ReplyJson.Default.PairReply);
            case Unpair:
                return Bytes(UnpairOf(PairingVerbs.IdOf(given[0])), ReplyJson.Default.UnpairReply);
            default:
                throw new VmPodException(ExitCode.Usage, "The server does not know this command.", "Use the podkeeper that serves the pod.");
        }
    }

    private UnlockReply UnlockWith(ControlCall call)
    {
        bool was = server.State.IsUnlocked;
        // Asked without a passphrase: only whether one is needed.
        if (!was && call.Secret is { } passphrase && !server.TryUnlock(passphrase))
            throw Unlocking.Wrong(server.Look(p => p.Vault.AsksForKeyFile));
        return new UnlockReply(server.VaultText, was, null, 0, Served: true);
    }

    private ReviewReply ReviewOf(string? session) => server.Look(p =>
    {
        p.Audit.Append(new AuditEvent(AuditKind.LogReviewed, AuditOutcome.Ok));
        return new ReviewReply(session is null ? null : p.Vault.FindSession(session).Handle.ToString());
    });

    private PairReply PairWith(ControlCall call)
    {
        HostRole role = PairingVerbs.RoleOf(call.Arguments[0]);
        bool digits = call.Arguments[1] == Digits;
        string address = call.Arguments[2], listen = call.Arguments[3], copy = call.Arguments[4];
        IPEndPoint at = listen.Length > 0 ? Arguments.EndPoint(listen) : PairingVerbs.PortFor(server.Address);
        var screen = new ControlledScreen(call);
        PairedHost host = server.Pair(new PairingRequest(role, digits, address.Length > 0 ? address : null, at)
        {
            Copy = PairingVerbs.CopyOf(role, copy.Length > 0 ? copy : null),
        }, screen);
        return PairingVerbs.ReplyOf(host);
    }

    private UnpairReply UnpairOf(UInt128 id)
    {
        bool wasPaired = server.With(p => PodPairings.Remove(p, id));
        return new UnpairReply(id.ToString("x32", CultureInfo.InvariantCulture), wasPaired, server.CutOff(id));
    }

    private static byte[] Bytes<T>(T reply, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(reply, type);
}
