using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.Sync.Channel;
using VmPod.Sync.Mirror;

namespace VmPod.PodKeeper.Serving;

/// <summary>The link of a pod whose mirror is kept here, from its HELLO to its end (P-124 to P-127): the mirror protocol over the channel, about one folder.
/// The vault of the pod that is served is not in reach of it.</summary>
internal static class MirrorLink
{
    /// <summary>Runs it to its end.</summary>
    /// <param name="server">The pod that keeps the copy.</param>
    /// <param name="channel">What it runs over.</param>
    /// <param name="pairing">The pairing that the other pod proved to hold; of role mirror.</param>
    /// <param name="number">Of the connection, for notes.</param>
    /// <param name="cancel">Ends what takes long.</param>
    internal static void Run(PodServer server, SecureChannel channel, UInt128 pairing, long number, CancellationToken cancel)
    {
        channel.SetPatience(PodLimits.MirrorSilence, PodLimits.MirrorBusy);
        string actor = HostPseudonym.ForPairing(server.VaultId, pairing).ToString("x32", CultureInfo.InvariantCulture);
        string folder = server.Copies.PathOf(pairing);
        server.Note(new ServerNote("A pod is linked whose mirror is kept here.", number, actor));
        string? why = null;
        try
        {
            ExitCode told;
            using (var answering = new MirrorServer(channel.Stream, channel.Stream, Read, Write))
                told = answering.Run();
            why = told == ExitCode.Done ? null : string.Create(CultureInfo.InvariantCulture, $"It was told an error, {(int)told}.");
            if (told != ExitCode.Done)
                TakeIn(channel);
            channel.Dispose();
        }
        catch (VmPodException e)
        {
            why = e.Message;
        }
        finally
        {
            server.Note(new ServerNote("A mirror link ended.", number, why));
        }

        IMirrorReader Read()
        {
            if (!File.Exists(Path.Combine(folder, "vault.json")))
            {
                throw new VmPodException(ExitCode.NotFound, "The pod there keeps no copy for this pairing.",
                    "podkeeper mirror makes one. To get one that is there: podkeeper pair DIR --role mirror --copy NAME, there, and pair anew.");
            }
            // What is said of it first, and given then.
            server.Log(new AuditEvent(AuditKind.MirrorRead, AuditOutcome.Ok) { Actor = actor });
            return CopyReader.Open(folder, server.Time, cancel);
        }

        IMirrorWriter Write() => new KeptCopy(new MirrorFolder(folder, delay: null, isDismissed: false, server.Time, cancel), folder, server.Copies.MakeRoot,
            server.VaultId, server.HasNoRoomForCopies, entry => server.Log(entry with { Actor = actor }));
    }

    // What it was told waits for it to stop writing: with bytes of its own unread here, the end of the connection would be a reset, and the error lost.
    private static void TakeIn(SecureChannel channel)
    {
        channel.SetPatience(PodLimits.MirrorLastWord, PodLimits.MirrorLastWord);
        byte[] dropped = new byte[64 * 1024];
        using var deadline = new Timer(static state => ((SecureChannel)state!).Abort(), channel, PodLimits.MirrorLastWord, Timeout.InfiniteTimeSpan);
        try
        {
            while (channel.Stream.Read(dropped) > 0)
            {
            }
        }
        catch (VmPodException)
        {
            // It was told, or did not listen.
        }
    }
}
