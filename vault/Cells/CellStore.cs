using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>
/// The keyless store of a pod: cells named by their hash, a log of opaque entries, and a signed head. It cannot read a cell; it can store,
/// find, verify and serve it. Reading, appending and committing are safe from any thread.
/// </summary>
/// <remarks>
/// <code>
///                Append, Flush                 Commit
///   committed ──────────────────▶ appended ─────────────▶ committed (one step: old head or new head, never a third)
///       ▲                            │
///       └──── DiscardUncommitted, ───┘      any write or sync error but "no space":  ──▶ poisoned (only Dispose)
///             or an unclean end
/// </code>
/// Order of a commit (V-60): segments synced, entries and head written to the log, log synced, slot written, slot synced.
/// Files: vault.json, v1/segments, v1/index (a cache), v1/log, v1/slots.bin, v1/lock. The format is vault/SPEC.md, V-40 to V-79.
/// </remarks>
public sealed partial class CellStore : IDisposable
{
    /// <summary>Places that are tried for one id. More than one only after damage was healed by a second copy, or a put was
    /// cancelled.</summary>
    internal const int CandidatesMax = 8;

    private readonly StoreDisk _disk;
    private readonly StoreAccess _access;
    private readonly IHeadAuthority _authority;
    private readonly StoreLock _lock;
    private readonly SafeFileHandle _log;
    private readonly SafeFileHandle _slots;
    private readonly SegmentSet _segments;
    private readonly IdIndex _index;

    // A copy without keys, which takes heads and makes none.
    private readonly bool _isMirror;

    // Commits, flushes and discards exclude each other; appends go on during a sync. Taken in this order.
    private readonly Lock _commitGate = new();
    private readonly Lock _appendGate = new();

    private volatile StoreState _state;
    private volatile FreeMap _freed;
    private string? _freedName;
    private volatile StorePoisonedException? _poison;
    private volatile bool _isDisposed;
    private long _cells;

    private CellStore(StoreDisk disk, StoreAccess access, VaultDescriptor descriptor, IHeadAuthority authority, Files files,
        Recovery? recovery, bool isMirror = false)
    {
        _isMirror = isMirror;
        (_disk, _access, _authority, Descriptor) = (disk, access, authority, descriptor);
        (_lock, _log, _slots) = (files.Lock, files.Log, files.Slots);
        _state = recovery?.State ?? StoreState.Genesis;
        _cells = _state.Cells;
        NewestHeadLost = recovery?.IsNewestHeadLost ?? false;
        _segments = new SegmentSet(disk, descriptor.CellBytes, access == StoreAccess.Write);
        (_freed, _freedName) = (recovery?.Freed ?? FreeMap.None, recovery?.FreedName);
        if (access == StoreAccess.Write && recovery is not null)
            Repair(recovery);
        if (isMirror)
            AdoptCells();
        _index = IdIndex.Open(disk, descriptor.VaultId, access == StoreAccess.Write, _state.Cells, () => CellCount,
            (from, to, onCell) => CellScan.Run(_segments, CellBytes, from, to, _freed.Contains,
                // No cell is zeros: a hole whose map was lost must not fill the index with one id.
                (position, id, cell) => onCell(position, cell.ContainsAnyExcept((byte)0) ? id : null), CancellationToken.None));
    }

    /// <summary>What the vault is.</summary>
    public VaultDescriptor Descriptor { get; }

    /// <summary>The newest committed head.</summary>
    public HeadRecord Head => _state.Head!;

    /// <summary>The hash of the head's log entry: what witnesses and NV bind.</summary>
    public Digest HeadHash => _state.Slot!.HeadHash;

    /// <summary>Bytes of the committed log.</summary>
    public long LogBytes => _state.LogBytes;

    /// <summary>Cells that stand in the vault, the appended and not yet committed ones included.</summary>
    public long CellCount => Volatile.Read(ref _cells);

    /// <summary>Bytes of every cell.</summary>
    public int CellBytes => Descriptor.CellBytes;

    /// <summary>
    /// A newer head was once acknowledged and cannot be read any more, so that <see cref="Head"/> is an older one. Such a vault opens for
    /// reading only: what it holds can be verified and restored, and nothing overwrites the evidence.
    /// </summary>
    public bool NewestHeadLost { get; }

    /// <summary>Closes the store. Cells that were not committed are cut off when it is next opened for writing.</summary>
    public void Dispose()
    {
        lock (_commitGate)
        {
            lock (_appendGate)
            {
                if (_isDisposed)
                    return;
                _isDisposed = true;
                try
                {
                    if (_access == StoreAccess.Write && _poison is null && (_index.Covered != _state.Cells || !_index.IsExact))
                        _index.Save(_state.Cells, isExact: _cells == _state.Cells);
                }
                catch (Exception e) when (StoreDisk.IsDiskError(e))
                {
                    // The index is a cache: what was not saved is hashed again at the next opening.
                }
                _index.Dispose();
                _segments.Dispose();
                _log.Dispose();
                _slots.Dispose();
                _lock.Dispose();
            }
        }
    }

    private void Check()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (_poison is { } poison)
            throw new StorePoisonedException(poison.ExitCode, "an earlier write or sync failed", poison);
    }

    private void CheckWritable()
    {
        Check();
        if (_access != StoreAccess.Write)
            throw new InvalidOperationException("The store is open for reading only.");
    }

    // From here on every call throws. What the disk really holds is found out when the store is opened again.
    private StorePoisonedException Poison(Exception e)
    {
        var poison = new StorePoisonedException(StoreDisk.IsNoSpace(e) ? ExitCode.NoSpace : ExitCode.Damaged, e.Message, e);
        _poison ??= poison;
        return poison;
    }

    private static VmPodException NoSpace(Exception e) => new(ExitCode.NoSpace, "The pod is full.",
        "Forget generations that are no longer needed and run gc, or use a larger disk.", e);

    private sealed record Files(StoreLock Lock, SafeFileHandle Log, SafeFileHandle Slots);
}
