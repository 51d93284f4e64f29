using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper;

/// <summary>Verification with keys.</summary>
public sealed partial class Pod
{
    /// <summary>Opens every generation and fork that was not refused, and decodes every chunk of it; keeps nothing. Damage is reported, not thrown.</summary>
    /// <exception cref="VmPodException">Locked (4), or the log cannot be written (5, 6, 8).</exception>
    public DeepReport VerifyDeep(CancellationToken cancel)
    {
        long generations = 0, chunks = 0, damagedCount = 0;
        var damaged = new List<DamagedChunk>();
        void Report(DamagedChunk chunk)
        {
            lock (damaged)
            {
                damagedCount++;
                if (damaged.Count < PodLimits.DamagedChunksListed)
                    damaged.Add(chunk);
            }
        }
        var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Environment.ProcessorCount };
        foreach (SessionSummary session in Vault.ListSessions())
        {
            Audit.Append(Grant(session.Handle.ToString(), LeasePurpose.Verify, generation: null));
            IEnumerable<(ulong, ulong?)> all = Vault.ListGenerations(session.Handle)
                .Where(g => g.Trust != CommitTrust.Refused).Select(g => (g.Record.Generation, (ulong?)null))
                .Concat(Vault.ListForks(session.Handle).Where(f => f.Trust != CommitTrust.Refused).Select(f => (f.Record.Generation, (ulong?)f.LeaseId)));
            foreach ((ulong generation, ulong? fork) in all)
            {
                generations++;
                string? name = fork is { } leaseId ? ForkName.Of(leaseId) : null;
                try
                {
                    using SessionReader reader = Vault.OpenSession(session.Handle.ToString(), generation, fork: fork);
                    foreach (StreamInfo stream in reader.Streams.Where(s => s.Kind != StreamKind.Folder))
                    {
                        LockedMemory NewMemory() => new(FormatLimits.ChunkBytes);
                        Parallel.ForEach(reader.Chunks(stream), options, NewMemory, (chunk, _, memory) =>
                        {
                            Interlocked.Increment(ref chunks);
                            if (Problem(reader, stream, chunk, memory) is { } what)
                                Report(new DamagedChunk(session.Handle, generation, stream.Name, chunk, what, name));
                            return memory;
                        }, memory => memory.Dispose());
                    }
                }
                catch (Exception e) when (DamageOf(e) is { } damage)
                {
                    // Its manifest or map does not open: which chunks it has cannot be told.
                    Report(new DamagedChunk(session.Handle, generation, null, null, damage.Message, name));
                }
            }
        }
        TryAppend(new AuditEvent(AuditKind.Verify, damagedCount == 0 ? AuditOutcome.Ok : AuditOutcome.Failed)
        {
            Detail = { ["deep"] = 1, ["generations"] = generations, ["chunks"] = chunks, ["damaged"] = damagedCount },
        });
        return new DeepReport(generations, chunks, damagedCount, damaged);
    }

    private static string? Problem(SessionReader reader, StreamInfo stream, long chunk, LockedMemory memory)
    {
        try
        {
            reader.ReadChunk(stream, chunk, memory.Slice(0, FormatLimits.ChunkBytes));
            return null;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return e.Message;
        }
    }

    // A map that breaks while it is enumerated comes wrapped by the parallel loop.
    private static VmPodException? DamageOf(Exception e) =>
        (e is AggregateException many ? many.InnerExceptions[0] : e) is VmPodException { ExitCode: ExitCode.Damaged } damage
        ? damage
        : null;
}
