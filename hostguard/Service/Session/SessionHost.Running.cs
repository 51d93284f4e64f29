using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using VmPod.Foundation;
using VmPod.HostGuard.Commands;
using VmPod.HostGuard.Machine;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.HostGuard.Session;

/// <content>Running and Frozen: the machine works; the pod is watched; the disk's changes go to the pod as drafts.</content>
internal sealed partial class SessionHost
{
    // D8, "leave": a beat every 250 ms; silent for 1 s, the CPUs stop.
    private static readonly TimeSpan BeatEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(1);

    // Often enough that the CPUs stop within the beat's own fourth of a second after the limit.
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(100);

    // Rule 10: a tip is committed when a cell is full or 30 s old. Not oftener than this, or a busy disk would fsync all the time.
    private static readonly TimeSpan TipEveryMin = TimeSpan.FromSeconds(5), TipAgeMax = TimeSpan.FromSeconds(30);

    // Chunks of disks that were written in part. More than these wait only if the link is slower than the guest's disk: then the oldest are let go.
    private readonly Channel<(uint Stream, long Offset)> halfWritten = Channel.CreateBounded<(uint, long)>(
        new BoundedChannelOptions(4096) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
    private (uint, long) lastHalfWritten;

    private long podLastSeenMs;
    private int diskFailed;

    private void StartWatching()
    {
        podLastSeenMs = NowMs();
        watchers.Add(Task.Run(WatchPodAsync));
        watchers.Add(Task.Run(FeedWatchdogAsync));
        watchers.Add(Task.Run(WatchMachineAsync));
        watchers.Add(Task.Run(CommitTipsAsync));
        if (request.CheckpointEverySeconds > 0)
            watchers.Add(Task.Run(CheckpointRegularlyAsync));
        if (pod!.KeepsRest)
            watchers.Add(Task.Run(FetchWhatIsHalfWrittenAsync));
        // Its time grows with the session, and the first commit needs it: now, while the guest warms up.
        watchers.Add(Task.Run(() => image!.PrepareCommit()));
    }

    private async Task WatchPodAsync()
    {
        using var timer = new PeriodicTimer(LookEvery, time);
        bool frozen = false;
        while (await NextAsync(timer))
        {
            TimeSpan silence = pod!.Silence;
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
            bool full = unsealed >= lease!.CellBytes && NowMs() - lastMs >= TipEveryMin.TotalMilliseconds;
            bool old = dirtySinceMs > 0 && NowMs() - dirtySinceMs >= TipAgeMax.TotalMilliseconds;
            if (!full && !old)
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

    private void NoteWrite(uint stream, long offset, int length)
    {
        if (!pod!.KeepsRest)
            return;
        foreach (long edge in (ReadOnlySpan<long>)[offset, offset + length])
        {
            (uint, long) chunk = (stream, edge / FormatLimits.ChunkBytes * FormatLimits.ChunkBytes);
            if (edge % FormatLimits.ChunkBytes == 0 || chunk == lastHalfWritten)
                continue;
            lastHalfWritten = chunk;
            _ = halfWritten.Writer.TryWrite(chunk);
        }
    }

    // The rest of a chunk that was written in part is still on the pod. It is fetched while the pod is here: without it the chunk could not be sealed once
    // the pod is gone.
    private async Task FetchWhatIsHalfWrittenAsync()
    {
        using var chunk = new LockedMemory(FormatLimits.ChunkBytes);
        try
        {
            await foreach ((uint stream, long offset) in halfWritten.Reader.ReadAllAsync(ending.Token))
            {
                try
                {
                    int length = (int)Math.Min(FormatLimits.ChunkBytes, disk!.Length - offset);
                    image!.Read(stream, offset, chunk.Slice(0, length));
                }
                catch (VmPodException e)
                {
                    log.LogDebug("A chunk was not fetched ahead: {Reason}", e.Message);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The session ends.
        }
    }

    // An unlisted tip: the disk as it is at this instant, durable on the pod.
    private void FlushDisk()
    {
        if (image!.UnsealedBytes(StreamKind.Disk) > 0)
            _ = image.Commit(GenerationKind.Draft, "tip");
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
