using VmPod.Foundation;
using VmPod.PodKeeper.Serving;
using VmPod.Secrets;
using VmPod.Sync.Wire;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>
/// A pod that is running: the product's vault, log and lease desk, over a disk of the world's. What PodServer does for its owner is done here in its words;
/// what it does in the background (looking into what is pending) is an act that the world begins.
/// </summary>
internal sealed class SimPod
{
    private readonly SimWorld world;
    private readonly List<SimLink> links = [];

    private SimPod(SimWorld world, string folder, SimDisk disk, Pod pod)
    {
        this.world = world;
        Folder = folder;
        Disk = disk;
        Pod = pod;
        Desk = new LeaseDesk(pod, world.Clock, static _ => { });
        Receipts = new ReceiptFolder(folder);
    }

    internal string Folder { get; }

    internal SimDisk Disk { get; }

    internal Pod Pod { get; }

    internal LeaseDesk Desk { get; }

    internal ReceiptFolder Receipts { get; }

    internal IdBudget SharedIds { get; } = new(WireLimits.SharedIdBytes);

    internal CellStore Store => Pod.Vault.Store;

    internal bool IsUnlocked => Pod.Vault.IsUnlocked;

    /// <summary>Links that the pod has not seen the end of.</summary>
    internal IReadOnlyList<SimLink> Links => links;

    internal static SimPod Boot(SimWorld world, string folder, SimDisk disk)
    {
        PodVault vault = PodVault.Open(folder, StoreAccess.Write, world.Clock, (f, access, authority) => CellStore.Open(f, access, authority, disk.Observe));
        return new SimPod(world, folder, disk, Pod.Over(vault, StoreAccess.Write, world.Clock));
    }

    internal SimLink Link(SimHost host, UInt128 boot)
    {
        var link = new SimLink(world, this, host, boot);
        links.Add(link);
        return link;
    }

    internal ServedHost HostOf(SimHost host, UInt128 boot) => ServedHost.Of(Pod.Vault.Descriptor.VaultId, host.PairingId, host.Role, boot);

    /// <summary>It sees that links have ended.</summary>
    internal void NoticeEnds()
    {
        foreach (SimLink link in links.Where(l => !l.IsUp).ToArray())
        {
            links.Remove(link);
            link.Dispose();
        }
    }

    internal void Unlock()
    {
        _ = Desk.ChangeKeys(p =>
        {
            if (!p.Vault.IsUnlocked)
                p.Vault.UnlockWithRoot(SimTemplate.CopyRoot());
            return true;
        });
        Desk.StoreHomeKeys();
    }

    internal void Lock(bool all)
    {
        Desk.Checker.Pause();
        _ = Desk.ChangeKeys(p =>
        {
            p.Vault.Lock();
            return true;
        });
        if (!all)
            return;
        foreach (SimLease lease in world.Model.Leases.Where(world.HoldsSession))
            lease.IsRevoked = true;
        _ = Desk.Revoke("lock-all");
    }

    /// <summary>The owner ends a session's lease, whoever has it.</summary>
    internal void Release(int session)
    {
        SessionSummary found = Pod.Vault.FindSession(SimModel.Sessions[session]);
        SessionEntry row = Store.Head.Find(found.Handle.Value)!;
        Disk.LosesSyncs |= world.Planted == Planted.FenceNotDurable;
        if (world.Planted != Planted.FenceForgotten)
            _ = Desk.Change(p => p.Release(SimModel.Sessions[session], otherHost: true));
        if (row.LeaseState == LeaseState.Open && world.Model.Lease(row.LeaseId) is { } lease)
            lease.IsBroken = true;
        _ = Desk.Revoke("owner", session: found.Handle);
    }

    /// <summary>Looks into all that is pending, as the pod does in the background while it is unlocked.</summary>
    internal void CheckPending()
    {
        // By their names: handles are random, and so is the order of their list.
        PendingInfo[] all = Desk.WithKeys(p => p.Vault.ListSessions().OrderBy(s => s.Name, StringComparer.Ordinal)
            .SelectMany(s => p.Vault.ListPending(s.Handle).Where(c => c.Record.Kind != GenerationKind.Draft || !s.LeaseIsOpen)).ToArray());
        foreach (PendingInfo pending in all)
        {
            bool isSound;
            using (CommitCheck check = Desk.WithKeys(p => p.BeginCheck(pending)))
            {
                isSound = check.Run(null, CancellationToken.None);
                if (!isSound)
                    throw new SimViolationException($"What an honest host wrote was refused: {check.Reason}");
            }
            _ = Desk.Change(p =>
            {
                p.EndCheck(pending, isSound);
                return true;
            });
        }
    }

    internal void Accept(int session) => _ = Desk.Change(p => p.Accept(SimModel.Sessions[session]));

    /// <summary>Lets old generations go.</summary>
    internal void Forget(int session, int keepLast)
    {
        ForgetPlan plan = Desk.WithKeys(p => p.Vault.PlanForget(SimModel.Sessions[session], new KeepRules(keepLast, 0, 0)));
        // Before: a power cut may leave them forgotten though nobody was told.
        foreach (GenerationInfo generation in plan.Generations)
        {
            world.Model.Losses[session]++;
            if (world.Model.Find(generation.Hash) is { } version)
                version.IsForgotten = true;
        }
        _ = Desk.Change(p =>
        {
            p.Forget(plan);
            return true;
        });
    }

    internal long CollectGarbage() => Pod.CollectGarbage(isDryRun: false, null, CancellationToken.None).Freed.Cells;

    /// <summary>It ends, in order or not: nothing that it writes from now on is seen by who comes after it, unless the disk is still watched.</summary>
    internal void End()
    {
        foreach (SimLink link in links)
            Quietly(link.Dispose);
        links.Clear();
        Quietly(Desk.Dispose);
        Quietly(Pod.Dispose);
    }

    private void Quietly(Action act)
    {
        try
        {
            act();
        }
        catch (Exception e) when (e is VmPodException or PowerCutException)
        {
            // Only a pod that the power was taken from may fail at its end.
            if (!Disk.IsOver && e is VmPodException)
                throw;
        }
    }
}
