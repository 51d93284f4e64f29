using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper;

/// <summary>
/// A pod's audit log, as the pod writes it: entries are durable when <see cref="Append"/> returns; if it throws, what was to be done is
/// not done.
/// </summary>
/// <remarks>
/// Who owns the vault (write access) keeps the log open. Readers of the vault may be several at a time, so each takes the log for one
/// entry.
/// </remarks>
public sealed class AuditTrail : IDisposable
{
    private readonly PodVault vault;
    private readonly StoreAccess access;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private AuditLog? kept;

    internal AuditTrail(PodVault vault, StoreAccess access, TimeProvider time)
    {
        this.vault = vault;
        this.access = access;
        this.time = time;
        Reader = new AuditReader(vault.Folder, KeyOf(vault.Descriptor));
    }

    /// <summary>Lists and verifies the log; needs no lock and no secret.</summary>
    public AuditReader Reader { get; }

    /// <summary>True if this copy of the vault can log: it has the pod's log key.</summary>
    public bool CanAppend => vault.LogKey is not null;

    /// <summary>Appends entries, 1 to <see cref="AuditLimits.BatchMax"/>, for the price of one. On return they are durable.</summary>
    /// <exception cref="VmPodException">No log key (4), the log is altered or cannot be written (5), busy (6), no space (8): release
    /// nothing.</exception>
    public void Append(params IReadOnlyList<AuditEvent> events)
    {
        lock (gate)
        {
            if (access == StoreAccess.Write)
            {
                (kept ??= OpenLog()).Append(events);
                return;
            }
            using AuditLog log = OpenSharedLog();
            log.Append(events);
        }
    }

    /// <summary>Wrong secrets since the last right one.</summary>
    public long FailuresSinceUnlock() => FailuresSinceUnlock(Reader);

    /// <inheritdoc cref="FailuresSinceUnlock()"/>
    public static long FailuresSinceUnlock(AuditReader reader)
    {
        string ok = AuditKinds.NameOf(AuditKind.UnlockOk), fail = AuditKinds.NameOf(AuditKind.UnlockFail);
        long failures = 0;
        foreach (AuditEntry entry in reader.Read())
            failures = entry.Event == fail ? failures + 1 : entry.Event == ok ? 0 : failures;
        return failures;
    }

    /// <summary>Gives the log back.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            kept?.Dispose();
            kept = null;
        }
    }

    /// <summary>A reader of the log in a pod's folder: it works while another process has the vault.</summary>
    /// <exception cref="VmPodException">No vault there (3), or its descriptor is damaged (5).</exception>
    public static AuditReader OpenReader(string folder) => new(folder, KeyOf(CellStore.ReadDescriptor(folder)));

    /// <summary>The log of a new vault.</summary>
    internal static void Create(PodVault vault, TimeProvider time) => AuditLog.Create(vault.Folder, SignerOf(vault), time).Dispose();

    internal static AuditLogKey KeyOf(VaultDescriptor vault) => new(PodLogSigner.NameOf(vault.VaultId), vault.LogPublicKey.Span);

    private static PodLogSigner SignerOf(PodVault vault) => new(vault.LogKey
        ?? throw new VmPodException(ExitCode.Refused,
            "This copy of the vault has no log key: nothing can be logged here, so nothing is released.", "Use the pod itself."),
        vault.Descriptor.VaultId);

    private AuditLog OpenLog() => AuditLog.Open(vault.Folder, SignerOf(vault), time);

    private AuditLog OpenSharedLog()
    {
        long start = time.GetTimestamp();
        while (true)
        {
            try
            {
                return OpenLog();
            }
            catch (VmPodException e) when (e.ExitCode == ExitCode.Busy && time.GetElapsedTime(start) < PodLimits.AuditPatience)
            {
                Thread.Sleep(10);
            }
        }
    }
}
