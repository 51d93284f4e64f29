using System.Diagnostics;
using Microsoft.Extensions.Logging;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Session;

/// <content>Leaving: the machine stops, what it has goes to the pod, then the wipe. Allowed: one commit; refused: everything else.</content>
internal sealed partial class SessionHost
{
    private const string Leave = "leave";

    private long cpusStoppedMs;

    /// <summary>Suspends the machine with its memory into the pod, and wipes this host.</summary>
    /// <param name="reason">"suspend" or "leave".</param>
    /// <exception cref="VmPodException">It could not be saved (no space, say): the machine goes on.</exception>
    public async Task<SessionResult> SuspendAsync(string reason)
    {
        await turn.WaitAsync(ending.Token);
        try
        {
            Require(SessionPhase.Running);
            if (request.IsRehearsal && reason == Leave)
                return await EndRehearsalAsync(Leave, commit: null, Stopwatch.StartNew());
            RequireNoRehearsal();
            if (files.Select(file => file.WaitsFor).FirstOrDefault(damage => damage is not null) is { } damage)
                return await LeaveWithoutMemoryAsync(reason, damage);
            Enter(SessionPhase.Leaving);
            SessionResult saved;
            try
            {
                // Who leaves does not wait for what only the next resume has of it.
                saved = await TakeCheckpointAsync("suspend", goOn: false, placeFirstUse: reason != Leave);
            }
            catch
            {
                if (phase is SessionPhase.Leaving)
                    Enter(SessionPhase.Running);
                throw;
            }
            WipeReceipt receipt = await WipeAsync(reason);
            return saved with { Receipt = receipt, Forks = WaitingForks };
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>What <see cref="SuspendAsync"/> would do, in sentences: nothing is changed.</summary>
    public IReadOnlyList<string> SimulateLeave()
    {
        SessionStatus status = Status();
        return
        [
            $"Stop the machine (process {status.QemuProcessId}).",
            request.IsRehearsal ? "Forget all that the machine wrote: it is a rehearsal."
                : $"Seal {(status.DiskUnsealedBytes + status.MemoryUnsealedBytes) >> 20} MiB that are not on the pod yet, with the device state, "
                + $"as generation {status.Generation + 1}.",
            $"Zero the session's keys and {status.LockedBytes >> 20} MiB of overlay and cache.",
            $"Kill the machine, zero the pages of {shape!.MemoryBytes >> 20} MiB of RAM that the kernel holds, unmount {status.Mount}.",
            "Write the receipt.",
        ];
    }

    // A CPU waits for a damaged page for ever: QEMU cannot stop it, and there is no memory to save. The caller holds the turn.
    private async Task<SessionResult> LeaveWithoutMemoryAsync(string reason, VmPodException damage)
    {
        if (reason != Leave)
        {
            throw new VmPodException(ExitCode.Damaged, $"The machine waits for a part of its memory and cannot be suspended: {damage.Message}",
                $"hostguard leave {request.Session} saves its disk and ends it; its programs can go on from an older checkpoint, if there is one.", damage);
        }
        var wall = Stopwatch.StartNew();
        long appended = lease!.BytesAppended;
        machine!.Freeze();
        cpusStoppedMs = NowMs();
        Enter(SessionPhase.Leaving);
        SaveDisk("damaged");
        WipeReceipt receipt = await WipeAsync("damaged");
        return new SessionResult
        {
            Session = request.Session,
            Generation = receipt.Generation,
            WallS = Seconds(wall),
            BytesAdded = lease.BytesAppended - appended,
            Receipt = receipt,
            Forks = WaitingForks,
        };
    }

    // The guest turned itself off, or the hypervisor died: the disk is what counts.
    private async Task EndAsync(string reason)
    {
        await turn.WaitAsync();
        try
        {
            if (phase is SessionPhase.Wiped)
                return;
            Enter(SessionPhase.Leaving);
            if (!request.IsRehearsal)
                SaveDisk(reason);
            _ = await WipeAsync(reason);
        }
        finally
        {
            turn.Release();
        }
    }

    private void SaveDisk(string reason)
    {
        try
        {
            CommitSummary commit = image!.Commit(GenerationKind.DiskOnly, reason, close: true);
            Audit(AuditKind.SessionKill, ("generation", (long)commit.Record.Generation), ("cells-added", commit.CellsAdded));
        }
        catch (Exception e) when (e is VmPodException or IOException)
        {
            log.LogError("The disk's last changes could not be saved: {Reason}", e.Message);
        }
    }
}
