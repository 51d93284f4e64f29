using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>What may happen next, and how often it does.</summary>
internal sealed partial class SimWorld
{
    private void Act()
    {
        depth++;
        try
        {
            if (Pod is null)
            {
                ActWithoutPod();
                return;
            }
            disk.Settle();
            int what = random.Below(1000);
            if (!Pod.IsUnlocked && random.PerMille(150))
                Do("the owner unlocks", Pod.Unlock);
            else if (what < 820)
                ActOf(hosts[what % 2]);
            else if (what < 870)
                Do("the mirror copies", CopyToMirror);
            else if (what < 930)
                ActOfOwner(Pod);
            else if (what < 955)
                Do("the pod sees links end", Pod.NoticeEnds);
            else if (what < 985)
                Do("time passes", LetTimePass);
            else if (what < 990)
                LosePower(keepsAll: true);
            else
                LosePower(keepsAll: false);
        }
        finally
        {
            depth--;
        }
    }

    private void ActWithoutPod()
    {
        int what = random.Below(100);
        if (what < 40)
            BootPod();
        else if (what < 90)
            ActOf(hosts[what % 2]);
        else
            Clock.Advance(TimeSpan.FromSeconds(random.Below(30)));
    }

    private void ActOf(SimHost host)
    {
        if (host.IsBusy)
            return;
        if (host.Lease is null)
            ActWithoutLease(host);
        else if (!host.IsLinked)
            ActUnlinked(host);
        else if (host.IsOver)
            LeaveFork(host);
        else
            ActLinked(host);
    }

    // What it goes on from can be out of reach by now: then what it wrote is lost, and nobody was told otherwise.
    private void LeaveFork(SimHost host)
    {
        if (random.PerMille(850))
            DoAt(host, "leaves what it has as a fork", () => host.Commit(GenerationKind.Checkpoint, close: true));
        else
            DoAt(host, "gives up", host.Drop);
    }

    private void ActWithoutLease(SimHost host)
    {
        int what = random.Below(100);
        if (what < 20 && host.Residues.Count > 0)
        {
            SimResidue residue = host.Residues[random.Below(host.Residues.Count)];
            DoAt(host, $"hands in {residue.Version}", () => host.HandIn(residue));
        }
        else if (what < 95)
        {
            int session = random.Below(SimModel.Sessions.Length);
            (bool tip, ulong? generation, ulong? fork) = WhatToOpen(session);
            DoAt(host, $"opens s{session}{(tip ? " at its tip" : generation is { } g ? $" at @{g}" : fork is null ? "" : " at a fork")}",
                () => host.Open(session, tip, generation, fork));
        }
        else
            DoAt(host, "cuts its link", host.Cut);
    }

    // Mostly the newest.
    private (bool Tip, ulong? Generation, ulong? Fork) WhatToOpen(int session)
    {
        int what = random.Below(100);
        ulong pick = random.Next();
        if (what < 60 || Pod is not { IsUnlocked: true } pod || pod.Pod.Vault.TryFindSession(SimModel.Sessions[session]) is not { } found)
            return (false, null, null);
        if (what < 80)
            return (true, null, null);
        IReadOnlyList<GenerationInfo> generations = pod.Pod.Vault.ListGenerations(found.Handle);
        IReadOnlyList<ForkInfo> forks = pod.Pod.Vault.ListForks(found.Handle);
        if (what < 90 && generations.Count > 0)
            return (false, generations[(int)(pick % (ulong)generations.Count)].Record.Generation, null);
        return forks.Count > 0 ? (false, null, forks[(int)(pick % (ulong)forks.Count)].LeaseId) : (false, null, null);
    }

    private void ActUnlinked(SimHost host)
    {
        int what = random.Below(100);
        if (what < 55)
            DoAt(host, "attaches", host.Attach);
        else if (what < 85)
            WriteSome(host);
        else if (what < 93)
            DoAt(host, "leaves without its pod", () => host.Commit(GenerationKind.Checkpoint, close: true));
        else
            DoAt(host, "dies", () => host.Die(isReboot: what >= 97));
    }

    private void ActLinked(SimHost host)
    {
        int what = random.Below(1000);
        if (what < 400)
            WriteSome(host);
        else if (what < 470)
            DoAt(host, "seals", host.Seal);
        else if (what < 580)
            DoAt(host, "commits a draft", () => host.Commit(GenerationKind.Draft, close: false));
        else if (what < 690)
            DoAt(host, "commits", () => host.Commit(GenerationKind.Checkpoint, close: false));
        else if (what < 750)
            DoAt(host, "suspends", () => host.Commit(GenerationKind.Checkpoint, close: true));
        else if (what < 870)
            ReadOne(host);
        else if (what < 890)
            DoAt(host, "renews", host.Renew);
        else if (what < 920)
            DoAt(host, "flushes", host.Flush);
        else if (what < 940)
            DoAt(host, "discards", host.Discard);
        else if (what < 955)
            DoAt(host, "closes", host.Close);
        else if (what < 985)
            DoAt(host, "loses its link", host.Cut);
        else
            DoAt(host, "dies", () => host.Die(isReboot: what % 2 == 0));
    }

    private void WriteSome(SimHost host)
    {
        int file = random.Below(SimContent.Files);
        bool isZero = random.PerMille(100);
        DoAt(host, $"writes f{file + 1}{(isZero ? " zero" : "")}", () => host.Write(file, isZero));
    }

    private void ReadOne(SimHost host)
    {
        int file = random.Below(SimContent.Files);
        DoAt(host, $"reads f{file + 1}", () => host.Read(file));
    }

    private void ActOfOwner(SimPod pod)
    {
        int what = random.Below(100), session = random.Below(SimModel.Sessions.Length);
        if (!pod.IsUnlocked)
        {
            Do("the owner unlocks", pod.Unlock);
            return;
        }
        switch (what)
        {
            case < 8:
                Do("the owner locks", () => pod.Lock(all: false));
                break;
            case < 12:
                Do("the owner locks all", () => pod.Lock(all: true));
                break;
            case < 27:
                Do($"the owner ends the lease of s{session}", () => pod.Release(session));
                break;
            case < 60:
                Do("the pod looks into what is pending", pod.CheckPending);
                break;
            case < 65:
                Do($"the owner accepts s{session}", () => pod.Accept(session));
                break;
            case < 78:
                int keep = 1 + random.Below(3);
                Do($"the owner forgets all but {keep} of s{session}", () => pod.Forget(session, keep));
                break;
            case < 92:
                Do("the pod collects garbage", () => Note($"  {pod.CollectGarbage()} cells"));
                break;
            default:
                checker.CheckAll(pod, readsAll: false, SimRandom.Of(seed, (ulong)Steps));
                break;
        }
    }

    private void LetTimePass()
    {
        switch (random.Below(10))
        {
            case < 6:
                Clock.Advance(TimeSpan.FromSeconds(1 + random.Below(20)));
                break;
            case < 9:
                Clock.Advance(TimeSpan.FromMinutes(1 + random.Below(15)));
                break;
            default:
                // Somebody sets the clock, a few hours to either side.
                Clock.Jump(TimeSpan.FromHours(random.Below(9) - 4));
                break;
        }
    }

    private void CopyToMirror()
    {
        if (Pod is not { } pod)
            return;
        mirror.Step(pod, 1 + random.Below(12));
        if (random.PerMille(250))
            mirror.Check();
    }

    // No fault comes any more: everybody gets what is his, and everything that was told is there.
    private void ComeToRest()
    {
        Note("no more faults");
        disk.Spare();
        if (Pod is null)
            BootPod();
        SimPod pod = Pod ?? throw new SimViolationException("the pod does not boot");
        pod.Unlock();
        foreach (SimHost host in hosts)
            EndInOrder(host);
        pod.NoticeEnds();
        // A lease of a session that its host never committed to is nobody's after that.
        Clock.Advance(PodLimits.LeaseTime + TimeSpan.FromMinutes(1));
        for (int session = 0; session < SimModel.Sessions.Length; session++)
        {
            foreach (SimHost host in hosts)
                UseOnce(pod, host, session);
        }
        pod.CheckPending();
        checker.CheckAll(pod, readsAll: true, random);
        // The round that is under way may be of an older head.
        while (!mirror.Step(pod, 16) || mirror.Head != pod.Store.Head.Seq)
            Note("the mirror catches up");
        mirror.Check();
        mirror.MustEqual(pod);
    }

    // Begin, write, commit, read, end.
    private void UseOnce(SimPod pod, SimHost host, int session)
    {
        // A lease of a host that died is its owner's to end.
        if (pod.Pod.Vault.TryFindSession(SimModel.Sessions[session]) is { LeaseIsOpen: true })
            pod.Release(session);
        pod.NoticeEnds();
        pod.CheckPending();
        host.Cut();
        Must(host, $"uses s{session}", () =>
        {
            host.Open(session, tip: false, null, null);
            for (int file = 0; file < SimContent.Files; file++)
                host.Read(file);
            host.Write(random.Below(SimContent.Files), isZero: false);
            host.Commit(GenerationKind.Checkpoint, close: false);
            host.Read(random.Below(SimContent.Files));
            host.Close();
        }, static () => false);
    }

    private void EndInOrder(SimHost host)
    {
        host.Cut();
        if (host.Lease is not null)
            Must(host, "attaches at last", host.Attach, () => host.Lease is null);
        if (host.Lease is not null)
        {
            Must(host, "suspends at last", () => host.Commit(GenerationKind.Checkpoint, close: true),
                () => host.IsOver || host.Known is { IsRevoked: true } or { IsBroken: true });
        }
        host.Drop();
        foreach (SimResidue residue in host.Residues.ToArray())
            Must(host, $"hands in {residue.Version} at last", () => host.HandIn(residue), () => !host.Residues.Contains(residue));
    }

    // Once no fault comes, only what is nobody's any more may be refused.
    private void Must(SimHost host, string what, Action act, Func<bool> isLost)
    {
        Note($"{Name(host)} {what}");
        try
        {
            act();
        }
        catch (VmPodException e)
        {
            Judge(e);
            Require(isLost(), $"{Name(host)} {what}: {e.Message}");
            Note($"  {e.ExitCode}");
        }
        checker.Look(Pod!.Store);
    }
}
