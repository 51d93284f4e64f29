using System.Diagnostics;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.HostGuard.Machine;
using VmPod.HostGuard.Mount;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Session;

/// <content>Checkpointing: disk, memory and device state of one instant become a generation (rule 7). An error keeps the old checkpoint.</content>
internal sealed partial class SessionHost
{
    // Pages may be redirtied between the sync and the look only by QEMU itself; it takes one more round, never many.
    private const int SyncRoundsMax = 8;

    /// <summary>A checkpoint while the machine runs. The pause is what the guest sees.</summary>
    public async Task<SessionResult> CheckpointAsync(string label)
    {
        await turn.WaitAsync(ending.Token);
        try
        {
            Require(SessionPhase.Running);
            RequireNoRehearsal();
            Enter(SessionPhase.Checkpointing);
            try
            {
                return await TakeCheckpointAsync(label, goOn: true, placeFirstUse: true);
            }
            finally
            {
                if (phase is SessionPhase.Checkpointing)
                    Enter(SessionPhase.Running);
            }
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task<SessionResult> TakeCheckpointAsync(string label, bool goOn, bool placeFirstUse)
    {
        var wall = Stopwatch.StartNew();
        long appended = lease!.BytesAppended;
        // Most of the memory while the guest still runs.
        await mount!.SyncFileAsync(MemoryStream);
        var pause = Stopwatch.StartNew();
        await machine!.StopAsync();
        cpusStoppedMs = NowMs();
        bool running = false;

        void Continue()
        {
            if (goOn)
                machine.ContinueAsync().GetAwaiter().GetResult();
            running = goOn;
            pause.Stop();
        }

        try
        {
            await SettleMemoryAsync();
            using (var state = new StateFile())
            {
                await machine.SaveStateAsync(state.Handle);
                StoreState(state);
            }
            await SettleMemoryAsync();
            CommitSummary commit = await Task.Run(() => CommitMeasured(GenerationKind.Checkpoint, label, Continue, close: !goOn, placeFirstUse));
            lastCheckpoint = commit.Record.Generation;
            Audit(goOn ? AuditKind.SessionCheckpoint : AuditKind.SessionSuspend, ("generation", (long)commit.Record.Generation), ("cells-added",
                commit.CellsAdded));
            return new SessionResult
            {
                Session = request.Session,
                Generation = commit.Record.Generation,
                PauseS = Seconds(pause),
                WallS = Seconds(wall),
                BytesAdded = lease.BytesAppended - appended,
                CellsAdded = commit.CellsAdded,
            };
        }
        catch
        {
            // The old checkpoint stays; the machine goes on as it was, also if this was to be its end: the caller decides.
            if (!running && wiping is null)
                await machine.ContinueAsync();
            throw;
        }
    }

    private async Task SettleMemoryAsync()
    {
        for (int round = 0; round < SyncRoundsMax; round++)
        {
            await mount!.SyncFileAsync(MemoryStream);
            CacheState cache = mount.CacheState(MemoryStream);
            if (cache.DirtyPages == 0 && cache.WritebackPages == 0)
                return;
        }
        throw new VmPodException(ExitCode.Busy, "The guest's memory does not come to rest: no checkpoint was taken.", "Try again.");
    }

    private void StoreState(StateFile state)
    {
        using var bytes = new LockedMemory(Math.Max(FormatLimits.PageBytes, state.Length));
        Span<byte> content = bytes.Slice(0, (int)state.Length);
        if (state.Read(0, content) != content.Length)
            throw new VmPodException(ExitCode.Bug, "The device state is shorter than QEMU said.");
        _ = image!.Replace(StateStream, StreamKind.State, content);
    }

    private void Require(SessionPhase wanted)
    {
        if (phase != wanted)
            throw new VmPodException(ExitCode.Busy, $"Session {request.Session} is {phase}, not {wanted}.", "hostguard status says where it is.");
    }
}
