using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Serving;

/// <summary>Looks into pending commits while the pod is unlocked, one after the other, in the background (rule 29).</summary>
/// <remarks>
/// It has keys of a session of its own while it looks, so <see cref="Pause"/> is called before the vault's keys go: when that returns, none is left here.
/// Hosts are served meanwhile; a lease that would start from what is being looked into waits for a while (<see cref="WaitFor"/>).
/// </remarks>
internal sealed class PendingChecker : IDisposable
{
    private readonly LeaseDesk desk;
    private readonly Action<ServerNote> note;
    private readonly Thread thread;
    private readonly AutoResetEvent wake = new(false);
    private readonly Lock working = new();
    private readonly Lock gate = new();
    private readonly Queue<PendingInfo> wanted = [];
    private readonly HashSet<long> given = [];      // what could not be looked into: not again before the next unlock
    private CancellationTokenSource stop = new();
    private bool isPaused = true, isEnded;
    private CheckProgress progress;

    internal PendingChecker(LeaseDesk desk, Action<ServerNote> note)
    {
        this.desk = desk;
        this.note = note;
        thread = new Thread(Run) { IsBackground = true, Name = "pod pending" };
        thread.Start();
    }

    /// <summary>There are keys: all that is pending is looked into.</summary>
    internal void Resume()
    {
        lock (gate)
        {
            if (isPaused)
                stop = new CancellationTokenSource();
            isPaused = false;
            given.Clear();
        }
        wake.Set();
    }

    /// <summary>Something may be pending.</summary>
    internal void Wake() => wake.Set();

    /// <summary>The keys go: when this returns none is used here. What was begun begins anew after <see cref="Resume"/>.</summary>
    internal void Pause()
    {
        lock (gate)
        {
            isPaused = true;
            wanted.Clear();
            stop.Cancel();
        }
        lock (working)
        {
        }
    }

    /// <summary>Waits until what a lease would start from has been looked into, for a while. If that is not enough the vault refuses the lease.</summary>
    /// <returns>How far it is, in percent; null if there is nothing to wait for any more.</returns>
    internal int? WaitFor(Func<Pod, PendingInfo?> find, TimeSpan patience)
    {
        var waiting = Stopwatch.StartNew();
        bool isAsked = false;
        while (desk.WithKeys(pod => pod.Vault.IsUnlocked ? find(pod) : null) is { Trust: CommitTrust.Pending } pending)
        {
            lock (gate)
            {
                if (isPaused || given.Contains(pending.Offset))
                    return null;
                if (waiting.Elapsed >= patience)
                    return progress.Total == 0 ? 0 : (int)(100 * Math.Min(progress.Done, progress.Total) / progress.Total);
                if (!isAsked)
                    wanted.Enqueue(pending);
                isAsked = true;
            }
            wake.Set();
            Thread.Sleep(PodLimits.CheckPoll);
        }
        return null;
    }

    /// <summary>Ends it.</summary>
    public void Dispose()
    {
        Pause();
        Volatile.Write(ref isEnded, true);
        wake.Set();
        thread.Join();
        wake.Dispose();
    }

    private void Run()
    {
        while (true)
        {
            wake.WaitOne();
            if (Volatile.Read(ref isEnded))
                return;
            while (Next() is { } next)
                Look(next.Pending, next.Stop);
        }
    }

    private (PendingInfo Pending, CancellationToken Stop)? Next()
    {
        lock (gate)
        {
            if (isPaused)
                return null;
            if (wanted.TryDequeue(out PendingInfo? asked) && !given.Contains(asked.Offset))
                return (asked, stop.Token);
        }
        PendingInfo[] all = [.. desk.WithKeys(pod => pod.Vault.ListSessions()
            .SelectMany(s => pod.Vault.ListPending(s.Handle).Where(p => p.Record.Kind != GenerationKind.Draft || !s.LeaseIsOpen)).ToArray())];
        lock (gate)
            return isPaused || all.FirstOrDefault(p => !given.Contains(p.Offset)) is not { } first ? null : (first, stop.Token);
    }

    private void Look(PendingInfo pending, CancellationToken cancel)
    {
        lock (working)
        {
            try
            {
                bool isSound;
                // A commit that was looked into while it was asked for.
                if (!desk.WithKeys(pod => !cancel.IsCancellationRequested && pod.Vault.IsUnlocked && pod.Vault.IsUndecided(pending)))
                    return;
                using (CommitCheck check = desk.WithKeys(pod => pod.BeginCheck(pending)))
                {
                    isSound = check.Run(new Reporter(this), cancel);
                    if (!isSound)
                        note(new ServerNote($"{pending.Name} of session {pending.Record.Session} was looked into and refused.", Why: check.Reason));
                }
                _ = desk.Change(pod =>
                {
                    pod.EndCheck(pending, isSound);
                    return true;
                });
            }
            catch (OperationCanceledException)
            {
                // The pod is being locked or stopped.
            }
            catch (Exception e) when (e is VmPodException or IOException)
            {
                lock (gate)
                    _ = given.Add(pending.Offset);
                note(new ServerNote($"{pending.Name} of session {pending.Record.Session} could not be looked into: it stays pending.", Why: e.Message));
            }
            finally
            {
                progress = default;
            }
        }
    }

    private sealed class Reporter(PendingChecker checker) : IProgress<CheckProgress>
    {
        public void Report(CheckProgress value)
        {
            // A few numbers for a message: seldom is enough.
            if (value.Done % 256 != 0)
                return;
            lock (checker.gate)
                checker.progress = value;
        }
    }
}
