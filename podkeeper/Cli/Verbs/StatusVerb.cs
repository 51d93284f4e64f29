using System.CommandLine;
using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Cli.Verbs;

/// <summary>status DIR: what can be said of a pod without a passphrase. It answers also while another process uses the vault.</summary>
internal static class StatusVerb
{
    internal static Command Create()
    {
        Argument<string> pod = Arguments.Pod();
        var verb = new Command("status", "Say how a pod is.") { pod };
        verb.SetAction(parsed =>
        {
            Output.Print(parsed.GetValue(Arguments.Json), Look(parsed.GetRequiredValue(pod)), ReplyJson.Default.StatusReply, Lines);
            return (int)ExitCode.Done;
        });
        return verb;
    }

    private static StatusReply Look(string folder)
    {
        VaultDescriptor descriptor = CellStore.ReadDescriptor(folder);
        bool isUnlocked = RuntimeFolder.TryFind() is { } runtime && KeyAgentClient.IsServing(runtime, descriptor.VaultId);
        HolderReply? holder = null;
        long? cells = null;
        int? sessions = null, leases = null;
        try
        {
            using PodVault vault = PodVault.Open(folder, StoreAccess.Read, TimeProvider.System);
            cells = vault.Store.CellCount;
            sessions = vault.Store.Head.Sessions.Count(s => s.TipOffset >= 0);
            leases = vault.Store.Head.Sessions.Count(s => s.LeaseState == LeaseState.Open);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Busy)
        {
            VaultHolder? known = VaultHolder.Read(folder);
            holder = new HolderReply(known?.ProcessId, known?.Program);
        }
        AuditReader audit = AuditTrail.OpenReader(folder);
        AuditVerification state = audit.Verify();
        return new StatusReply(descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture), descriptor.CellBytes,
            DateTimeOffset.FromUnixTimeMilliseconds(descriptor.CreatedMs), isUnlocked, holder, cells, cells * descriptor.CellBytes,
            sessions, leases,
            new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace, state.Entries, state.IsIntact,
            state.IsIntact ? AuditTrail.FailuresSinceUnlock(audit) : 0,
            "nobody: no TPM, no witness yet");
    }

    private static IEnumerable<string> Lines(StatusReply r)
    {
        yield return $"vault          {r.Vault}, cells of {r.CellBytes / 1024} KiB, made {r.Created:yyyy-MM-dd}";
        yield return r.Unlocked ? "state          unlocked for this user: this host holds the vault's keys" : "state          locked";
        if (r.InUseBy is { } holder)
            yield return holder.Pid is { } pid ? $"in use by      process {pid} ({holder.Program})" : "in use by      another process";
        else
        {
            yield return $"holds          {r.Sessions} sessions ({r.OpenLeases} leases open), {r.Cells} cells, "
                + Output.Bytes(r.Bytes ?? 0);
        }
        yield return $"free           {Output.Bytes(r.FreeBytes)}";
        yield return $"audit          {r.AuditEntries} entries, {(r.AuditIntact ? "intact" : "BROKEN: podkeeper audit verify says where")}";
        if (r.FailedUnlocks > 0)
            yield return $"attention      {r.FailedUnlocks} wrong passphrases since the last right one";
        yield return $"freshness      vouched for by {r.Freshness}";
    }
}
