using System.CommandLine;
using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Agent;
using VmPod.PodKeeper.Cli.Replies;
using VmPod.PodKeeper.Cli.Serving;
using VmPod.PodKeeper.Serving;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;

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

    /// <summary>What the server says of the pod that it serves.</summary>
    internal static StatusReply Describe(Pod pod, ServerState server)
    {
        StatusReply reply = Describe(pod.Vault.Folder, pod.Vault.Descriptor, server.IsUnlocked, null, pod);
        return reply with { Serving = new ServingReply(server.Address, server.Links, server.Leases) };
    }

    private static StatusReply Look(string folder)
    {
        if (Served.Is(folder))
            return Served.Ask(folder, ServedCommands.Status, [], ReplyJson.Default.StatusReply);
        VaultDescriptor descriptor = CellStore.ReadDescriptor(folder);
        bool isUnlocked = RuntimeFolder.TryFind() is { } runtime && KeyAgentClient.IsServing(runtime, descriptor.VaultId);
        try
        {
            using Pod pod = Pod.Open(folder, StoreAccess.Read, TimeProvider.System);
            return Describe(folder, descriptor, isUnlocked, null, pod);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Busy)
        {
            VaultHolder? known = VaultHolder.Read(folder);
            return Describe(folder, descriptor, isUnlocked, new HolderReply(known?.ProcessId, known?.Program), null);
        }
    }

    private static StatusReply Describe(string folder, VaultDescriptor descriptor, bool isUnlocked, HolderReply? holder, Pod? pod)
    {
        PodVault? vault = pod?.Vault;
        long? cells = vault?.Store.CellCount;
        AuditReader audit = AuditTrail.OpenReader(folder);
        AuditVerification state = audit.Verify();
        VaultSpace? space = vault?.Space();
        (DateTimeOffset Time, long Head)? mirrored = state.IsIntact ? Pod.LastMirrored(audit) : null;
        return new StatusReply(descriptor.VaultId.ToString("x32", CultureInfo.InvariantCulture), descriptor.CellBytes,
            DateTimeOffset.FromUnixTimeMilliseconds(descriptor.CreatedMs), isUnlocked, holder, cells, (cells - vault?.Store.FreedCells) * descriptor.CellBytes,
            vault?.Store.Head.Sessions.Count(s => s.TipOffset >= 0), vault?.Store.Head.Sessions.Count(s => s.LeaseState == LeaseState.Open),
            new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace, state.Entries, state.IsIntact,
            state.IsIntact ? AuditTrail.FailuresSinceUnlock(audit) : 0,
            "nobody but witnesses (verify --witness FILE, mirrors, paired hosts): without a TPM the NV counter is software, and proves nothing",
            Recovery: vault?.HasRecoverySlot(), Suite: descriptor.Suite, LowSpace: space?.IsLow, ReserveBytes: space?.ReserveBytes,
            FreedCells: vault?.Store.FreedCells, MirroredAt: mirrored?.Time, MirroredHead: mirrored?.Head, Head: vault?.Store.Head.Seq,
                Forks: pod is null ? null : ForksOf(pod));
    }

    // A log that is damaged is what verify is for: how the pod is can be said all the same.
    private static IReadOnlyList<OpenForkReply>? ForksOf(Pod pod)
    {
        try
        {
            return [.. pod.OpenForks().Select(f =>
                new OpenForkReply(f.Session, ForkName.Of(f.Fork.LeaseId), f.Origin.Host, GenerationKinds.TimeOf(f.Fork.Record.TimeMs)))];
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return null;
        }
    }

    /// <summary>What is said of a pod of which less than a tenth is free.</summary>
    internal const string NearlyFull = "less than a tenth of the disk is free: forget generations (podkeeper forget), then podkeeper gc DIR";

    private static IEnumerable<string> Lines(StatusReply r)
    {
        yield return $"vault          {r.Vault}, cells of {r.CellBytes / 1024} KiB in suite {r.Suite}, made {r.Created:yyyy-MM-dd}";
        yield return "state          " + StateOf(r);
        if (r.InUseBy is { } holder)
            yield return holder.Pid is { } pid ? $"in use by      process {pid} ({holder.Program})" : "in use by      another process";
        else
        {
            yield return $"holds          {r.Sessions} sessions ({r.OpenLeases} leases open), {r.Cells - r.FreedCells} cells, "
                + Output.Bytes(r.Bytes ?? 0);
        }
        string kept = r.ReserveBytes is { } reserve ? $", of which {Output.Bytes(reserve)} are kept for a suspend" : "";
        yield return $"free           {Output.Bytes(r.FreeBytes)}{kept}";
        if (r.LowSpace == true)
            yield return "attention      " + NearlyFull;
        yield return $"audit          {r.AuditEntries} entries, {(r.AuditIntact ? "intact" : "BROKEN: podkeeper audit verify says where")}";
        if (r.Recovery is { } recovery)
            yield return $"recovery       {(recovery ? "by its recovery words" : "none: a lost passphrase or pod is lost (podkeeper words DIR)")}";
        if (r.FailedUnlocks > 0)
            yield return $"attention      {r.FailedUnlocks} wrong passphrases since the last right one";
        foreach (OpenForkReply fork in r.Forks ?? [])
            yield return $"attention      {fork.Notice}";
        yield return $"freshness      vouched for by {r.Freshness}";
        if (r.MirroredAt is { } mirrored)
        {
            string newest = r.Head is { } head ? $"; the newest is {head}" : "";
            yield return $"mirror         a mirror has seen head {r.MirroredHead} at {mirrored:yyyy-MM-dd HH:mm} UTC{newest}";
        }
    }

    // Rule 33.
    private static string StateOf(StatusReply r) => (r.Serving, r.Unlocked) switch
    {
        (null, true) => "unlocked for this user: this host holds the vault's keys",
        (null, false) => "locked",
        ({ } s, true) => $"unlocked, served at {s.Address}: {s.Links} hosts linked, {s.Leases} leases",
        ({ Leases: > 0 } s, false) => $"locked, serving {s.Leases} {(s.Leases == 1 ? "lease" : "leases")} at {s.Address}: {s.Links} hosts linked",
        ({ } s, false) => $"locked, served at {s.Address}: {s.Links} hosts linked",
    };
}
