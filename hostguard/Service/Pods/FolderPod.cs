using System.Diagnostics;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.HostGuard.Session;
using VmPod.PodKeeper;
using VmPod.Vault.Format;
using VmPod.Vault.House;
using VmPod.Vault.Sessions;
using PodRoom = VmPod.Sync.Wire.PodRoom;
using PodSpace = VmPod.Sync.Wire.PodSpace;

namespace VmPod.HostGuard.Pods;

/// <summary>A pod as a folder of this machine, unlocked here: this host holds the vault's keys (rule 35).</summary>
internal sealed class FolderPod(Pod pod, PodPresence presence) : ISessionPod
{
    // Who asks how it is, does so every second.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly Lock looking = new();
    private long lastSeen = Stopwatch.GetTimestamp(), lastLooked;
    private PodSpace? space;

    /// <inheritdoc/>
    public TimeSpan Silence
    {
        get
        {
            if (!presence.IsHere())
                return Stopwatch.GetElapsedTime(Volatile.Read(ref lastSeen));
            Volatile.Write(ref lastSeen, Stopwatch.GetTimestamp());
            return TimeSpan.Zero;
        }
    }

    /// <summary>Never: who unlocked the pod here has it until it is gone.</summary>
    public bool LeaseIsOver => false;

    /// <inheritdoc/>
    public PodSession Find(string session, ulong? generation)
    {
        SessionSummary found = pod.Vault.FindSession(session);
        GenerationInfo? start = generation is { } number ? pod.Vault.FindGeneration(session, number) : pod.Vault.FindCheckpoint(found.Handle);
        return new PodSession(found.Tip.Number, start is null ? null : new PodGeneration(start.Record.Generation, start.Record.Number, start.Record.Kind));
    }

    /// <inheritdoc/>
    public bool Has(string session) => pod.Vault.TryFindSession(session) is not null;

    /// <inheritdoc/>
    public IReadOnlyList<PodFork> Forks { get; private set; } = [];

    /// <inheritdoc/>
    public void LookForForks(SessionHandle session)
    {
        try
        {
            IReadOnlyList<ForkInfo> forks = pod.Vault.ListOpenForks(session, isHint: true);
            IReadOnlyDictionary<ulong, ForkOrigin> from = pod.OriginsOf(session, forks);
            Forks = [.. forks.Select(f => PodFork.Of(f.LeaseId, from[f.LeaseId].HostName, f.Record.TimeMs, f.Record.Kind, f.Trust))];
        }
        catch (Exception e) when (e is VmPodException or IOException or ObjectDisposedException)
        {
            // It is gone, or its log does not read: who uses it says so.
        }
    }

    /// <inheritdoc/>
    public void EndLease(SessionLease lease, params IReadOnlyList<AuditEvent> events) => pod.EndLease(lease, events);

    /// <inheritdoc/>
    public SessionLease BeginLease(string session, LeasePurpose purpose, bool create, ulong? generation, bool tip, ulong? fork = null) =>
        pod.BeginLease(session, purpose, create, generation, tip, fork);

    /// <inheritdoc/>
    public void Log(params IReadOnlyList<AuditEvent> entries) => pod.Audit.Append(entries);

    /// <summary>A folder that is gone is unplugged: what it had not taken is lost, and the receipt says so.</summary>
    public bool KeepRest() => false;

    /// <inheritdoc/>
    public bool KeepsRest => false;

    /// <summary>None: a folder takes cells at once, or never.</summary>
    public long RestBytes => 0;

    /// <inheritdoc/>
    public PodSpace? Space
    {
        get
        {
            lock (looking)
            {
                if (lastLooked != 0 && Stopwatch.GetElapsedTime(lastLooked) < LookEvery)
                    return space;
                lastLooked = Stopwatch.GetTimestamp();
                try
                {
                    VaultSpace now = pod.Vault.SpaceNow();
                    space = new PodSpace(now.IsKeptOnly ? PodRoom.KeptOnly : now.IsLow ? PodRoom.Low : PodRoom.Enough, (ulong)now.FreeBytes);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException or VmPodException or ObjectDisposedException)
                {
                    // It is gone, or its log does not read: who uses it says so.
                }
                return space;
            }
        }
    }

    /// <inheritdoc/>
    public long CellsFetched => 0;

    /// <inheritdoc/>
    public TimeSpan WaitedForCells => default;

    /// <inheritdoc/>
    public string? RestFolder => null;

    /// <inheritdoc/>
    public string? EndRest() => null;

    /// <summary>The receipt's figures go into the log: this host holds the pod's own log key.</summary>
    public void GiveReceipt(WipeReceipt receipt, SessionLease lease) => Log(new AuditEvent(AuditKind.WipeReceipt, AuditOutcome.Ok)
    {
        Session = receipt.Session,
        Detail = { ["pages-zeroed"] = receipt.PagesZeroed },
    });

    /// <inheritdoc/>
    public void Lock() => pod.Vault.Lock();

    /// <inheritdoc/>
    public void Dispose() => pod.Dispose();
}
