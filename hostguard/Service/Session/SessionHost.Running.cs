using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging;
using VmPod.Foundation;
using VmPod.HostGuard.Commands;
using VmPod.HostGuard.Machine;
using VmPod.Secrets;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Session;

/// <content>Running and Frozen: the machine works; the pod is watched; the disk's changes go to the pod as drafts.</content>
internal sealed partial class SessionHost
{
    // D8, "leave": a beat every 250 ms; silent for 1 s, the CPUs stop.
    private static readonly TimeSpan BeatEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(1);

    // Often enough that the CPUs stop within the beat's own fourth of a second after the limit.
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    // Rule 10: a tip is committed when a cell is full (and SyncMeter.Pause over) or 30 s old.
    private static readonly TimeSpan TipAgeMax = TimeSpan.FromSeconds(30);

    // The guest has the machine first: what the first commit needs can wait so long.
    private static readonly TimeSpan PrepareAfter = TimeSpan.FromSeconds(1);

    // H-150: a machine's first seconds, and as long as it goes on reading what was not read yet: over a slow link it takes so long to begin. What it reads
    // later is what it is made to do, and differs from visit to visit.
    private static readonly TimeSpan FirstUseMin = TimeSpan.FromSeconds(3), FirstUseMax = TimeSpan.FromSeconds(30), FirstUseLook = TimeSpan.FromSeconds(1);

    // A second of which somebody waited this much for cells says nothing of what the machine would have read; such seconds do not count, but for a bound.
    private static readonly TimeSpan FirstUseWaited = FirstUseLook / 2, FirstUseMaxWaited = TimeSpan.FromMinutes(1);
    private const int FirstUseQuietPages = 32;

    private static readonly TimeSpan CompleteAgainAfter = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan FetchAgainAfter = TimeSpan.FromMilliseconds(100);

    private readonly HalfWritten halfWritten = new();
    private Task firstUseNoted = Task.CompletedTask;
    private long podLastSeenMs;
    private int diskFailed;
    private volatile bool isComplete;

    private void StartWatching()
    {
        podLastSeenMs = NowMs();
        watchers.Add(Task.Run(WatchPodAsync));
        watchers.Add(Task.Run(FeedWatchdogAsync));
        watchers.Add(Task.Run(WatchMachineAsync));
        if (!request.IsRehearsal)
            watchers.Add(Task.Run(CommitTipsAsync));
        if (request.CheckpointEverySeconds > 0)
            watchers.Add(Task.Run(CheckpointRegularlyAsync));
        if (pod!.KeepsRest)
            new Thread(FetchWhatIsHalfWritten) { IsBackground = true, Name = "half-written chunks" }.Start();
        watchers.Add(Task.Run(PrepareCommitAsync));
        if (!request.Boot)
            watchers.Add(firstUseNoted = Task.Run(EndFirstUseAsync));
        if (request.Complete && pod.KeepsRest)
            watchers.Add(Task.Run(CompleteAsync));
    }

    private async Task WatchPodAsync()
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        bool frozen = false;
        while (await NextAsync(timer))
        {
            TimeSpan silence = pod!.Silence;
            if (pod.LeaseIsOver)
            {
                machine!.Freeze();
                cpusStoppedMs = cpusStoppedMs == 0 || !frozen ? NowMs() : cpusStoppedMs;
                log.LogWarning("The lease is over: its time, or the owner ended it.");
                _ = Task.Run(() => WipeAsync(LeaseOver));
                return;
            }
            podLastSeenMs = NowMs() - (long)silence.TotalMilliseconds;
            if (frozen && silence < SilenceMax)
            {
                log.LogInformation("The pod is back.");
                frozen = false;
                machine!.Thaw();
                Enter(SessionPhase.Running);
                // A disk read that failed meanwhile stopped the machine with the request kept (rule 9); going on repeats it.
                if (Interlocked.Exchange(ref diskFailed, 0) != 0)
                    await ContinueAfterDiskErrorAsync();
            }
            if (!frozen && silence >= SilenceMax && phase is SessionPhase.Running or SessionPhase.Checkpointing)
            {
                frozen = true;
                machine!.Freeze();
                cpusStoppedMs = NowMs();
                log.LogWarning("The pod is gone: the machine stands still.");
                Enter(SessionPhase.Frozen);
            }
            if (frozen && silence >= SilenceMax + TimeSpan.FromMilliseconds(request.GraceMs))
            {
                _ = Task.Run(() => WipeAsync("pod-gone"));
                return;
            }
        }
    }

    private async Task ContinueAfterDiskErrorAsync()
    {
        try
        {
            await machine!.ContinueAsync(ending.Token);
            trouble = null;
        }
        catch (Exception e) when (e is VmPodException or OperationCanceledException)
        {
            log.LogWarning("The machine could not go on after a failed read: {Reason}", e.Message);
        }
    }

    // A hostguard that stands still is killed by a process of its own, and QEMU with it (rule 17).
    private async Task FeedWatchdogAsync()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(SessionHost).Assembly.Location);
        start.ArgumentList.Add("watchdog");
        start.ArgumentList.Add(Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        if (mount!.AbortFile is { } abortFile)
            start.ArgumentList.Add(abortFile);
        using Process watchdog = Process.Start(start) ?? throw new InvalidOperationException("The watchdog did not start.");
        Stream feed = watchdog.StandardInput.BaseStream;
        using var timer = new PeriodicTimer(BeatEvery, time);
        try
        {
            while (await NextAsync(timer))
            {
                await feed.WriteAsync("."u8.ToArray());
                await feed.FlushAsync();
            }
        }
        catch (IOException)
        {
            trouble ??= "The watchdog is gone: a hostguard that is stopped would leave the machine running.";
        }
        try
        {
            await feed.WriteAsync(Watchdog.Goodbye);
            feed.Close();
        }
        catch (IOException)
        {
            // It is gone already, and there is nothing left to watch.
        }
    }

    private async Task WatchMachineAsync()
    {
        await foreach (MachineEvent happened in machine!.Events.ReadAllAsync())
        {
            switch (happened)
            {
                case MachineEvent.Shutdown:
                    _ = Task.Run(() => EndAsync("shutdown"));
                    return;
                case MachineEvent.Exited when phase is SessionPhase.Running or SessionPhase.Checkpointing or SessionPhase.Frozen:
                    log.LogError("The hypervisor ended by itself: {Complaint}", machine.Complaint);
                    _ = Task.Run(() => EndAsync("machine-ended"));
                    return;
                case MachineEvent.DiskError:
                    trouble ??= "The machine stands still: a part of its disk could not be read.";
                    Interlocked.Exchange(ref diskFailed, 1);
                    break;
                case MachineEvent.Panicked:
                    trouble = "The guest's kernel panicked; the machine stands still.";
                    break;
                case MachineEvent.Stopped or MachineEvent.Resumed or MachineEvent.Reset or MachineEvent.Exited:
                    break;
            }
        }
    }

    private async Task CommitTipsAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1), time);
        long lastMs = NowMs(), dirtySinceMs = 0;
        while (await NextAsync(timer))
        {
            long unsealed = phase is SessionPhase.Running ? image!.UnsealedBytes(StreamKind.Disk) : 0;
            dirtySinceMs = unsealed == 0 ? 0 : dirtySinceMs == 0 ? NowMs() : dirtySinceMs;
            bool full = unsealed >= lease!.CellBytes && NowMs() - lastMs >= meter.Pause.TotalMilliseconds;
            bool old = dirtySinceMs > 0 && NowMs() - dirtySinceMs >= TipAgeMax.TotalMilliseconds;
            // The pod would refuse it (V-167), and each try would leave cells there: what the disk wrote waits here for the suspend.
            if ((!full && !old) || pod!.Space?.Room == PodRoom.KeptOnly)
                continue;
            try
            {
                FlushDisk();
                (lastMs, dirtySinceMs) = (NowMs(), 0);
            }
            catch (Exception e) when (e is VmPodException or IOException)
            {
                OnTrouble(e);
            }
        }
    }

    private async Task CheckpointRegularlyAsync()
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(request.CheckpointEverySeconds), time);
        while (await NextAsync(timer))
        {
            try
            {
                _ = await CheckpointAsync("timer");
            }
            catch (VmPodException e)
            {
                OnTrouble(e);
            }
        }
    }

    // Its time grows with the session, and a commit needs it; where it fetches cells, a residue does too.
    private async Task PrepareCommitAsync()
    {
        try
        {
            await Task.Delay(PrepareAfter, time, ending.Token);
            image!.PrepareCommit();
        }
        catch (OperationCanceledException)
        {
            // The session ends.
        }
        catch (Exception e) when (e is VmPodException or IOException or ObjectDisposedException)
        {
            // The first commit does it, or says why not.
            log.LogWarning("The first commit could not be prepared: {Reason}", e.Message);
        }
    }

    // H-153. A link that is lost and found again begins with what is missing then.
    private async Task CompleteAsync()
    {
        while (!isComplete)
        {
            try
            {
                int missing = image!.FetchAll(() => !ending.IsCancellationRequested);
                isComplete = missing == 0;
                log.LogInformation("Complete: {Missing} cells are not here", missing);
                if (!isComplete)
                    await Task.Delay(CompleteAgainAfter, time, ending.Token);
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
            {
                await Task.Delay(CompleteAgainAfter, time, ending.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e) when (e is VmPodException or IOException or ObjectDisposedException)
            {
                log.LogWarning("The session cannot be fetched as a whole: {Reason}", e.Message);
                return;
            }
        }
    }

    private async Task EndFirstUseAsync()
    {
        try
        {
            await Task.Delay(FirstUseMin, time, ending.Token);
            TimeSpan passed = FirstUseMin, waiting = default;
            while (passed < FirstUseMax && waiting < FirstUseMaxWaited)
            {
                int before = image!.FirstUseCount;
                TimeSpan waitedBefore = pod!.WaitedForCells;
                await Task.Delay(FirstUseLook, time, ending.Token);
                if (pod.WaitedForCells - waitedBefore >= FirstUseWaited)
                {
                    waiting += FirstUseLook;
                    continue;
                }
                passed += FirstUseLook;
                if (image.FirstUseCount - before < FirstUseQuietPages)
                    break;
            }
            (int pages, int cells) = image!.EndFirstUse();
            log.LogInformation("First use: {Pages} pages out of {Cells} cells", pages, cells);
        }
        catch (OperationCanceledException)
        {
            // The session ends.
        }
        catch (Exception e) when (e is VmPodException or IOException or ObjectDisposedException)
        {
            // What was noted counts; in how many cells it stands could not be said.
            log.LogDebug("First use: {Reason}", e.Message);
        }
    }

    private void NoteWrite(uint stream, long offset, int length)
    {
        meter.NoteWrite();
        if (pod!.KeepsRest)
            halfWritten.Note(stream, offset, length);
    }

    private void FetchWhatIsHalfWritten()
    {
        using var chunk = new LockedMemory(FormatLimits.ChunkBytes);
        while (halfWritten.TryTake(out (uint Stream, long Offset) next))
        {
            while (!ending.IsCancellationRequested)
            {
                try
                {
                    image!.Fetch(next.Stream, (ulong)(next.Offset / FormatLimits.ChunkBytes), chunk.Slice(0, FormatLimits.ChunkBytes));
                    break;
                }
                catch (ObjectDisposedException)
                {
                    return;
                }
                catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
                {
                    _ = ending.Token.WaitHandle.WaitOne(FetchAgainAfter);
                }
                catch (VmPodException e)
                {
                    // Damaged: the guest hears of it when it reads there, and a commit says it too.
                    OnTrouble(e);
                    break;
                }
            }
            halfWritten.Done();
        }
    }

    // The guest's FLUSH. Everything before it is in locked memory already; here it becomes such that it can be sealed, whatever happens to the pod.
    private void FlushBarrier()
    {
        if (request.FlushToPod)
            FlushDisk();
        else if (pod!.KeepsRest)
            halfWritten.WaitForAll();
    }

    // An unlisted tip: the disk as it is at this instant, durable on the pod.
    private void FlushDisk()
    {
        if (image!.UnsealedBytes(StreamKind.Disk) == 0)
            return;
        if (pod!.Space?.Room == PodRoom.KeptOnly)
        {
            throw new VmPodException(ExitCode.NoSpace, "The pod is full: what is free there is kept for a suspend.",
                "Forget generations that are no longer needed (podkeeper forget) and run podkeeper gc on the pod; or suspend.");
        }
        _ = CommitMeasured(GenerationKind.Draft, "tip");
    }

    private CommitSummary CommitMeasured(GenerationKind kind, string label, Action? switched = null, bool close = false, bool placeFirstUse = false)
    {
        SyncMeter.Taken taken = default;
        long sent = lease!.BytesAppended;
        try
        {
            CommitSummary commit = image!.Commit(kind, label, () =>
            {
                taken = meter.Switched();
                switched?.Invoke();
            }, close, placeFirstUse);
            meter.Durable(taken, lease.BytesAppended - sent);
            return commit;
        }
        catch
        {
            meter.Failed(taken);
            throw;
        }
    }

    private void OnTrouble(Exception e)
    {
        string message = e is VmPodException known ? known.Message : "The pod cannot be read or written.";
        if (trouble != message)
            log.LogError("{Trouble}", message);
        trouble = message;
        if (e is VmPodException { ExitCode: ExitCode.Damaged } damage)
            damaged.TrySetResult(damage);
    }

    private async Task<bool> NextAsync(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(ending.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
