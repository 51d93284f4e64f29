using System.Globalization;
using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Testing;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>
/// A pod, two hosts that want the same two sessions, and a mirror, in one thread (SECURITY.md R12): who does what next, which message is lost, when the power
/// goes and what it leaves, all of it comes from the seed.
/// </summary>
/// <remarks>
/// A step is an act of somebody or a message. Acts nest: while a host waits for the answer to one message, others act before the next. Within one message
/// nothing else happens, as within the pod's handler, which holds its locks. After <see cref="Run"/> no fault comes any more, and all must come right.
/// </remarks>
internal sealed partial class SimWorld : IDisposable
{
    private const int DepthMax = 3;

    // Of a thousand messages.
    private const int CutBefore = 6, CutAfter = 6, PowerSoon = 8, Others = 80;

    private readonly TempFolder folder = new(Directory.Exists("/dev/shm"));
    private readonly ulong seed;
    private readonly SimRandom random;
    private readonly SimHost[] hosts;
    private readonly SimMirror mirror;
    private readonly SimChecker checker;
    private readonly List<string>? lines;
    private string podFolder, cutBefore;
    private SimDisk disk;
    private SimViolationException? violation;
    private ulong trace = 14695981039346656037UL;
    private int depth, boots;
    private bool hasFaults = true;

    /// <param name="seed">What happens.</param>
    /// <param name="planted">What is wrong with a simulated part.</param>
    /// <param name="keepsLines">Keeps what happened in words.</param>
    internal SimWorld(ulong seed, Planted planted, bool keepsLines)
    {
        this.seed = seed;
        Planted = planted;
        random = new SimRandom(seed);
        lines = keepsLines ? [] : null;
        checker = new SimChecker(Model);
        hosts = [new SimHost(this, 0), new SimHost(this, 1)];
        mirror = new SimMirror(Directory.CreateDirectory(folder["mirror"]).FullName, Clock, planted);
        podFolder = cutBefore = folder["pod-0"];
        SimTemplate.CopyTo(podFolder);
        disk = new SimDisk(podFolder, planted);
    }

    internal Planted Planted { get; }

    internal SimClock Clock { get; } = new();

    internal SimModel Model { get; } = new();

    /// <summary>The pod; null while it is down.</summary>
    internal SimPod? Pod { get; private set; }

    /// <summary>Acts and messages so far.</summary>
    internal int Steps { get; private set; }

    /// <summary>The same for the same seed.</summary>
    internal ulong Trace => trace;

    internal IReadOnlyList<string> Lines => lines ?? [];

    /// <summary>Power cuts and kills so far.</summary>
    internal int Boots => boots;

    internal int Commits => Model.Versions.Count(v => v.Told is not null);

    internal int Forks => Model.Versions.Count(v => v.IsToldFork);

    /// <summary>Lets the world go, and then come to rest.</summary>
    /// <exception cref="SimViolationException">A rule was broken.</exception>
    internal void Run(int steps)
    {
        try
        {
            while (Steps < steps)
                Act();
            hasFaults = false;
            ComeToRest();
        }
        catch (Exception e) when (e is not SimViolationException)
        {
            throw new SimViolationException($"{e.GetType().Name}: {e.Message}", e);
        }
        if (violation is not null)
            throw violation;
    }

    public void Dispose()
    {
        disk.End();
        foreach (SimHost host in hosts)
            host.Drop();
        Pod?.End();
        folder.Dispose();
    }

    /// <summary>Before a message: it may be lost, and others may act.</summary>
    internal void Sending(SimLink link, WireType type)
    {
        Note($"{Name(link.Host)} {type}");
        if (!hasFaults)
            return;
        if (random.PerMille(CutBefore))
        {
            Note("lost");
            link.IsUp = false;
            return;
        }
        if (random.PerMille(PowerSoon))
            disk.CutAfter(random.Below(14));
        if (depth < DepthMax && random.PerMille(Others))
            Act();
    }

    /// <summary>After a message: the pod may have lost its power over it, and the answer may be lost.</summary>
    internal void Sent(SimLink link, WireType type, ErrorReply? error)
    {
        if (disk.IsCut)
        {
            LosePower(keepsAll: false);
            return;
        }
        if (violation is not null)
            throw violation;
        checker.Look(link.Pod.Store);
        if (error is not null)
            Judge(new VmPodException(error.ExitCode, error.Message, error.Cure));
        if (hasFaults && random.PerMille(CutAfter))
        {
            Note($"answer to {type} lost");
            link.IsUp = false;
        }
    }

    /// <summary>The pod could not read an honest host's frame.</summary>
    internal void Broken(VmPodException e) => violation ??= new SimViolationException($"the pod broke a link: {e.Message}", e);

    /// <summary>A handler of the pod failed with what is no answer.</summary>
    internal void Bug(Exception e)
    {
        if (e is not PowerCutException)
            violation ??= e as SimViolationException ?? new SimViolationException($"a bug in the pod: {e.GetType().Name}: {e.Message}", e);
    }

    /// <summary>A host was given a lease.</summary>
    internal SimLease Granted(SimHost host, int session, LeaseReply reply)
    {
        Digest from = reply.Base?.EntryHash ?? Digest.Zero;
        Require(from == Digest.Zero || Model.Find(from) is not null, "a lease goes on from what nobody signed");
        Require(!Model.Leases.Any(l => l.Handle == reply.Session && l.Term >= reply.Term), $"a lease of term {reply.Term} after a higher one");
        SimLease lease = Model.Add(session, reply.Session, reply.LeaseId, reply.Term, host.Index, from);
        Note($"{Name(host)} has {lease}, term {lease.Term}, from {(from == Digest.Zero ? "nothing" : Model.Find(from)!.ToString())}");
        return lease;
    }

    /// <summary>A host was told that its commit is durable.</summary>
    internal void Told(SimHost host, SimVersion version, CommittedReply reply)
    {
        Require(version.AsCommit.Contains(reply.EntryHash) || version.AsFork.Contains(reply.EntryHash), $"{version} was answered as another commit");
        Require(reply.HeadSeq >= host.Seen.Seq, $"a commit was answered with head {reply.HeadSeq} after {host.Seen.Seq}");
        host.Seen = (reply.HeadSeq, reply.HeadHash);
        version.Told = (reply.EntryHash, checked((long)reply.EntryOffset));
        Note($"{version} is {(version.IsToldFork ? "a fork" : "committed")}, head {reply.HeadSeq}");
    }

    internal bool HasCommits(SessionHandle session) => checker.HasCommits(session);

    /// <summary>The lease is the session's, and open.</summary>
    internal bool HoldsSession(SimLease lease) => checker.IsOpen(lease);

    /// <summary>Who it is, in a trace.</summary>
    private static string Name(SimHost host) => string.Create(CultureInfo.InvariantCulture, $"host {host.Index}");

    // Before anything of the step happens. Nothing random may be in it.
    private void Note(string what)
    {
        Steps++;
        if (Steps > 200_000)
            throw new SimViolationException("the world does not come to rest");
        unchecked
        {
            foreach (char c in what)
                trace = (trace ^ c) * 1099511628211UL;
            trace = (trace ^ '\n') * 1099511628211UL;
        }
        lines?.Add(string.Create(CultureInfo.InvariantCulture, $"{Steps,5} {new string(' ', depth * 2)}{what}"));
    }

    // What goes wrong for a host or the owner is part of the world, but for what must never be heard by who did nothing wrong.
    private void Judge(VmPodException e)
    {
        bool isWrong = e.ExitCode is ExitCode.Bug or ExitCode.Damaged or ExitCode.NoSpace or ExitCode.Usage or ExitCode.Missing;
        bool isDistrust = e.Hint?.StartsWith("Do not trust", StringComparison.Ordinal) == true && Model.Losses.Sum() == 0;
        Require(!isWrong && !isDistrust, $"an honest host or the owner was told: {e.Message}");
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
            throw new SimViolationException(what);
    }

    // Somebody's act, whatever becomes of it.
    private void Do(string what, Action act)
    {
        Note(what);
        try
        {
            act();
        }
        catch (VmPodException e)
        {
            if (!disk.IsCut)
                Judge(e);
            Note($"  {e.ExitCode}");
        }
        catch (PowerCutException)
        {
        }
        if (disk.IsCut)
            LosePower(keepsAll: false);
        else if (Pod is { } pod)
            checker.Look(pod.Store);
    }

    private void DoAt(SimHost host, string what, Action act)
    {
        if (host.IsBusy)
            return;
        host.IsBusy = true;
        try
        {
            Do($"{Name(host)} {what}", () =>
            {
                try
                {
                    act();
                }
                catch (VmPodException e) when (e.ExitCode is ExitCode.Busy or ExitCode.LinkLost && host.Lease is not null)
                {
                    // What it knows of its lease must be asked anew.
                    host.Cut();
                    throw;
                }
                catch (VmPodException e) when (e.ExitCode is ExitCode.Refused && host.Lease is null)
                {
                    // Locked, pending, or a link that opened as many leases as one may.
                    host.Cut();
                    throw;
                }
            });
        }
        finally
        {
            host.IsBusy = false;
        }
    }

    // The pod's process ends: by a kill, which leaves what was written, or with the power.
    private void LosePower(bool keepsAll)
    {
        string before = podFolder;
        string next = folder[string.Create(CultureInfo.InvariantCulture, $"pod-{++boots}")];
        Note(keepsAll ? "the pod is killed" : "the pod's power goes");
        Directory.CreateDirectory(next);
        bool rollsBack = Planted == Planted.RolledBack && !keepsAll && Directory.Exists(cutBefore) && cutBefore != before;
        if (rollsBack)
            new SimDisk(cutBefore, Planted).CutTo(next, random, keepsAll: true);
        else
            disk.CutTo(next, random, keepsAll);
        disk.End();
        Pod?.End();
        Pod = null;
        podFolder = next;
        disk = new SimDisk(next, Planted);
        if (Planted == Planted.RolledBack)
        {
            // The disk as this cut left it, for the next one.
            cutBefore = folder[string.Create(CultureInfo.InvariantCulture, $"old-{boots}")];
            Directory.CreateDirectory(cutBefore);
            disk.CutTo(cutBefore, random, keepsAll: true);
        }
        Directory.Delete(before, recursive: true);
    }

    private void BootPod()
    {
        Note("the pod boots");
        if (hasFaults && random.PerMille(150))
            disk.CutAfter(random.Below(8));
        try
        {
            Pod = SimPod.Boot(this, podFolder, disk);
            checker.Restarted(Pod.Store);
            if (!hasFaults || random.PerMille(700))
                Pod.Unlock();
            checker.CheckAll(Pod, readsAll: false, SimRandom.Of(seed, (ulong)boots));
        }
        catch (PowerCutException)
        {
        }
        catch (VmPodException e) when (!disk.IsCut)
        {
            throw new SimViolationException($"the pod does not open: {e.Message}", e);
        }
        catch (VmPodException)
        {
        }
        if (disk.IsCut)
            LosePower(keepsAll: false);
        else
            disk.Spare();
    }
}
