using System.CommandLine;
using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>lock DIR: ends the key agent. Sessions that run keep their own keys until they end.</summary>
internal static class LockVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var verb = new Command("lock", "End the key agent of a pod: from here on the passphrase is needed.") { pod };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            UInt128 vaultId = CellStore.ReadDescriptor(folder).VaultId;
            bool wasUnlocked = RuntimeFolder.TryFind() is { } runtime && KeyAgentClient.TryEnd(runtime, vaultId);
            var reply = new LockReply(vaultId.ToString("x32", CultureInfo.InvariantCulture), wasUnlocked, wasUnlocked && TryLog(folder));
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.LockReply, r =>
            [
                !r.WasUnlocked ? "The pod is locked." : r.Logged ? "Locked."
                    : "Locked; the audit log does not have it, because another process uses the vault.",
            ]);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    // Locking comes first and does not depend on the log.
    private static bool TryLog(string folder)
    {
        try
        {
            using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
            pod.Audit.Append(new AuditEvent(AuditKind.Lock, AuditOutcome.Ok) { Detail = { ["by"] = "owner" } });
            return true;
        }
        catch (VmPodException)
        {
            return false;
        }
    }
}
