using System.CommandLine;
using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>lock DIR: ends the key agent. Sessions that run keep their own keys until they end.</summary>
internal static class LockVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var all = new Option<bool>("--all")
        {
            Description = "Of a pod that is served: also take the keys of open leases away, which ends the sessions that run on hosts.",
        };
        var verb = new Command("lock", "Forget the keys of a pod (key agent, server): from here on the passphrase is needed.") { pod, all };
        verb.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(pod);
            UInt128 vaultId = CellStore.ReadDescriptor(folder).VaultId;
            bool wasUnlocked = RuntimeFolder.TryFind() is { } runtime && KeyAgentClient.TryEnd(runtime, vaultId);
            LockReply reply = Served.Is(folder)
                ? Served.Ask(folder, ServedCommands.Lock, parsed.GetValue(all) ? [ServedCommands.All] : [], ReplyJson.Default.LockReply)
                : new LockReply(vaultId.ToString("x32", CultureInfo.InvariantCulture), wasUnlocked, wasUnlocked && TryLog(folder));
            Output.Print(parsed.GetValue(Arguments.Json), reply, ReplyJson.Default.LockReply, r =>
            [
                r.Leases is { } leases ? parsed.GetValue(all) ? $"Locked; {leases} leases were revoked." : $"Locked, serving {leases} leases."
                    : !r.WasUnlocked ? "The pod is locked." : r.Logged ? "Locked."
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
