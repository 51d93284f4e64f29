using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Sync.Mirror;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.PodKeeper.Mirrors;

/// <summary>A vault that is read for a mirror: a pod, served or not, locked or not; or a mirror. Its cells and its log never change, so hosts go on
/// writing meanwhile.</summary>
/// <param name="vault">The vault.</param>
/// <param name="owned">Given back with the reader; null if the vault is somebody else's.</param>
/// <param name="cancel">Stops what takes long.</param>
public sealed class CopyReader(PodVault vault, IDisposable? owned, CancellationToken cancel) : IMirrorReader
{
    private HeadMark head = HeadMark.None;
    private CellId[] needed = [];
    private byte[] cell = [];

    /// <summary>A pod or a mirror in a folder.</summary>
    /// <exception cref="VmPodException">No vault there (3), damaged (5), in use (6).</exception>
    public static CopyReader Open(string folder, TimeProvider time, CancellationToken cancel)
    {
        PodVault vault = PodVault.Open(folder, StoreAccess.Read, time);
        return new CopyReader(vault, vault, cancel);
    }

    /// <inheritdoc/>
    public MirrorState Begin()
    {
        (head, needed) = vault.TakeStock();
        var payload = new byte[head.Bytes];
        if (vault.Store.ReadLogBytes(head.Offset + StoreLimits.EntryHeaderBytes, payload) != payload.Length)
            throw new VmPodException(ExitCode.Damaged, "The vault's log is damaged.", "Run podkeeper verify.");
        return new MirrorState(vault.Descriptor.Encode(), payload, head.LogBytes, AuditCopy.BytesOf(vault.Folder));
    }

    /// <inheritdoc/>
    public CellId[] Ids() => needed;

    /// <inheritdoc/>
    public void ReadCells(ReadOnlySpan<CellId> ids, MirrorCell take)
    {
        if (cell.Length == 0)
            cell = new byte[vault.Store.CellBytes];
        foreach (CellId id in ids)
        {
            cancel.ThrowIfCancellationRequested();
            take(id, IsThere(id) ? cell : default);
        }
    }

    /// <inheritdoc/>
    public int ReadLog(long offset, Span<byte> into) => vault.Store.ReadLogBytes(offset, into[..(int)Math.Clamp(head.LogBytes - offset, 0, into.Length)]);

    /// <inheritdoc/>
    public int ReadAudit(long offset, Span<byte> into) => AuditCopy.Read(vault.Folder, offset, into);

    /// <inheritdoc/>
    public byte[] ReadCheckpoint() => AuditCopy.ReadCheckpoint(vault.Folder);

    /// <inheritdoc/>
    public MirrorVerdict Judge(MirrorState mirror) => vault.Judge(mirror.Head.Span, cancel) switch
    {
        WitnessVerdict.Same => MirrorVerdict.Same,
        WitnessVerdict.Newer => MirrorVerdict.Newer,
        WitnessVerdict.Older => MirrorVerdict.Older,
        _ => MirrorVerdict.Forked,
    };

    /// <inheritdoc/>
    public void Dispose() => owned?.Dispose();

    // Read into the one buffer, and hashed.
    private bool IsThere(CellId id)
    {
        try
        {
            return vault.Store.TryRead(id, cell);
        }
        catch (DamagedCellException)
        {
            return false;
        }
    }
}
