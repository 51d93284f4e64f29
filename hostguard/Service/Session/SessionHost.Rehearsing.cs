using System.Diagnostics;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Session;

/// <content>
/// Rehearsing: the machine runs until it is seen what it reads first; that is stored, the machine's own work is not, and this host is wiped. Allowed: leave.
/// </content>
internal sealed partial class SessionHost
{
    private const string Rehearsal = "rehearsal";

    /// <summary>Waits until the machine has shown what it reads first (H-150), puts that into cells of its own as a checkpoint of the same content, and wipes
    /// this host.</summary>
    /// <returns>The generation: the one that was resumed, if it read nothing that could be placed.</returns>
    /// <exception cref="VmPodException">It could not be stored: nothing is kept, and this host is wiped.</exception>
    public async Task<SessionResult> RehearseAsync()
    {
        if (!request.IsRehearsal)
            throw new VmPodException(ExitCode.Busy, $"Session {request.Session} runs for real.", "A rehearsal is a start of its own, when it is not running.");
        var wall = Stopwatch.StartNew();
        await firstUseNoted.WaitAsync(ending.Token);
        await turn.WaitAsync(ending.Token);
        try
        {
            Require(SessionPhase.Running);
            machine!.Freeze();
            cpusStoppedMs = NowMs();
            Enter(SessionPhase.Leaving);
            CommitSummary? commit;
            try
            {
                commit = await Task.Run(() => image!.CommitFirstUse(Rehearsal));
            }
            catch
            {
                _ = await WipeAsync(Rehearsal);
                throw;
            }
            return await EndRehearsalAsync(Rehearsal, commit, wall);
        }
        finally
        {
            turn.Release();
        }
    }

    // The caller holds the turn.
    private async Task<SessionResult> EndRehearsalAsync(string reason, CommitSummary? commit, Stopwatch wall)
    {
        ulong generation = lease!.Reader!.Record.Generation;
        if (commit is not null)
            Audit(AuditKind.SessionCheckpoint, ("generation", (long)generation), ("cells-added", commit.CellsAdded));
        long added = lease.BytesAppended;
        WipeReceipt receipt = await WipeAsync(reason);
        return new SessionResult
        {
            Session = request.Session,
            Generation = generation,
            WallS = Seconds(wall),
            BytesAdded = commit is null ? 0 : added,
            Receipt = receipt,
        };
    }

    private void RequireNoRehearsal()
    {
        if (request.IsRehearsal)
        {
            throw new VmPodException(ExitCode.Busy, $"Session {request.Session} is being rehearsed: nothing of it is kept.",
                $"hostguard leave {request.Session} ends it.");
        }
    }
}
