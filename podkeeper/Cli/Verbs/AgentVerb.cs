using System.CommandLine;
using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.Secrets;
using VmPod.Vault.Cells;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>agent DIR: the background process of unlock. Reads the passphrase from standard input; not for people.</summary>
internal static class AgentVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var idle = new Option<int>("--idle") { Required = true };
        var verb = new Command("agent", "The background process of unlock.") { pod, idle };
        verb.Hidden = true;
        verb.SetAction(parsed => Run(parsed.GetRequiredValue(pod), TimeSpan.FromMinutes(parsed.GetRequiredValue(idle))));
        return verb;
    }

    private static int Run(string folder, TimeSpan idle)
    {
        OwnProcess.StartSession();
        (UInt128 vaultId, SecretBuffer root) = Unlock(folder);
        using KeyAgent agent = KeyAgent.Listen(RuntimeFolder.Make(), vaultId, root, folder, idle, TimeProvider.System);
        Console.Out.WriteLine(KeyAgentProcess.ReadyPrefix + Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        Console.Out.Flush();
        OwnProcess.SilenceStandardStreams();
        using var interrupt = new Interrupt();
        AgentEnd end = agent.Serve(interrupt.Token);
        // Asked: the asker logs it. Gone: there is no log.
        if (end is AgentEnd.Idle or AgentEnd.Stopped)
            TryLog(folder, end);
        return (int)ExitCode.Done;
    }

    // All but K_root is zero again when this returns, and the vault is free.
    private static (UInt128, SecretBuffer) Unlock(string folder)
    {
        using SecretBuffer passphrase = SecretInput.ReadFile("-");
        using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
        Unlocking.Unlock(pod, passphrase);
        return (pod.Vault.Descriptor.VaultId, pod.Vault.CopyRoot());
    }

    private static void TryLog(string folder, AgentEnd end)
    {
        try
        {
            using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
            pod.Audit.Append(new AuditEvent(AuditKind.Lock, AuditOutcome.Ok) { Detail = { ["by"] = end.ToString().ToLowerInvariant() } });
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            // Locked is what matters; somebody uses the vault, or it is gone, and nobody listens to us any more.
        }
    }
}
