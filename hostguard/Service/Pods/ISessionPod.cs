using VmPod.Audit;
using VmPod.Foundation;
using VmPod.HostGuard.Session;
using VmPod.PodKeeper;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using PodSpace = VmPod.Sync.Wire.PodSpace;

namespace VmPod.HostGuard.Pods;

/// <summary>The pod that a session comes from: a folder that is plugged in here, or another machine. Above this, both are the same.</summary>
internal interface ISessionPod : IDisposable
{
    /// <summary>How long the pod did not answer. Zero while it does.</summary>
    TimeSpan Silence { get; }

    /// <summary>True once this host may not run the session any more: the lease's time is over, or the pod's owner ended it.</summary>
    bool LeaseIsOver { get; }

    /// <summary>A session, and what a resume goes on from.</summary>
    /// <param name="session">Its name.</param>
    /// <param name="generation">The generation's number; null for the newest checkpoint.</param>
    /// <exception cref="VmPodException">There is no such session or generation (3), locked (4), damaged (5), link lost (7).</exception>
    PodSession Find(string session, ulong? generation);

    /// <summary>Whether the pod has a session of this name.</summary>
    bool Has(string session);

    /// <summary>The session's forks that wait for a word of the pod's owner, as far as was heard.</summary>
    IReadOnlyList<PodFork> Forks { get; }

    /// <summary>Asks for them. It throws nothing: what cannot be asked leaves what was known.</summary>
    void LookForForks(SessionHandle session);

    /// <summary>Begins a lease. The pod's log says so, durably, before any key is used.</summary>
    /// <exception cref="VmPodException">No such session (3), locked (4), another host holds the lease (6), link lost (7).</exception>
    SessionLease BeginLease(string session, LeasePurpose purpose, bool create, ulong? generation, bool tip, ulong? fork = null);

    /// <summary>Ends a lease: what was put and not committed is discarded, its keys are zeroed. Logged with these entries before it.</summary>
    void EndLease(SessionLease lease, params IReadOnlyList<AuditEvent> events);

    /// <summary>Writes to the pod's log, durably.</summary>
    /// <exception cref="VmPodException">It cannot be written (5, 8), link lost (7).</exception>
    void Log(params IReadOnlyList<AuditEvent> entries);

    /// <summary>Gives the link up: nobody waits for the pod any more. The commit that ends the lease is kept here, sealed, until pod and host meet
    /// again. False where there is no such place.</summary>
    bool KeepRest();

    /// <summary>True if this host can keep what such a pod did not take.</summary>
    bool KeepsRest { get; }

    /// <summary>Bytes of sealed cells that the pod did not commit yet.</summary>
    long RestBytes { get; }

    /// <summary>The room on the pod's disk; null where the pod is too old to say.</summary>
    PodSpace? Space { get; }

    /// <summary>Cells that came from the pod under this lease, each counted once. Always 0 where the pod is a folder.</summary>
    long CellsFetched { get; }

    /// <summary>How long somebody waited for cells under this lease, all who did added up. Always 0 where the pod is a folder.</summary>
    TimeSpan WaitedForCells { get; }

    /// <summary>Where the rest is kept, once a commit was.</summary>
    string? RestFolder { get; }

    /// <summary>From now on nothing is kept that is not kept yet. Where the rest is kept; null for none.</summary>
    string? EndRest();

    /// <summary>Hands the pod a receipt, signed by the lease.</summary>
    void GiveReceipt(WipeReceipt receipt, SessionLease lease);

    /// <summary>Zeroes what keys it holds.</summary>
    void Lock();
}
