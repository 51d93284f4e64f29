using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Cells of another copy of a vault: a folder, of which only the segments need to be left. Needs no key; every cell is proved by its id.</summary>
public sealed class CopiedCells : ICellCopy
{
    private readonly string segments;
    private readonly int cellBytes;
    private readonly CellStore? store;
    private Dictionary<CellId, (string File, int Slot)>? scanned;

    private CopiedCells(string folder, int cellBytes, CellStore? store) =>
        (segments, this.cellBytes, this.store) = (Path.Combine(folder, StoreNames.Segments), cellBytes, store);

    /// <summary>Opens the copy. Where it does not open as a vault, its segments are searched.</summary>
    /// <param name="folder">Its folder.</param>
    /// <param name="ours">The vault that it is a copy of.</param>
    /// <param name="authority">Knows the log key's public half.</param>
    /// <exception cref="VmPodException">There is none (3), it is of another vault (4), in use (6).</exception>
    public static CopiedCells Open(string folder, VaultDescriptor ours, IHeadAuthority authority)
    {
        VaultDescriptor? theirs = null;
        CellStore? store = null;
        try
        {
            theirs = CellStore.ReadDescriptor(folder);
            if (theirs.VaultId == ours.VaultId && theirs.CellBytes == ours.CellBytes)
                store = CellStore.Open(folder, StoreAccess.Read, authority);
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.Damaged or ExitCode.NotFound)
        {
            // A copy that is damaged as well may still have what is missing here.
        }
        if (theirs is not null && (theirs.VaultId != ours.VaultId || theirs.CellBytes != ours.CellBytes))
            throw new VmPodException(ExitCode.Refused, $"{folder} holds another vault.", "Name a copy of this pod's folder, or its mirror.");
        return store is not null || Directory.Exists(Path.Combine(folder, StoreNames.Segments)) ? new CopiedCells(folder, ours.CellBytes, store)
            : throw new VmPodException(ExitCode.NotFound, $"There is no copy of a vault in {folder}.", "Name the folder that holds vault.json and v1.");
    }

    /// <inheritdoc/>
    public bool TryRead(in CellId id, Span<byte> cell)
    {
        try
        {
            if (store is not null && store.TryRead(id, cell))
                return true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Damaged)
        {
            return false;
        }
        if (store is not null || !(scanned ??= Scan(cell)).TryGetValue(id, out (string File, int Slot) place))
            return false;
        using SafeFileHandle? file = Libc.OpenFile(place.File, write: false, create: false);
        return file is not null && StoreDisk.Read(file, cell, (long)place.Slot * cellBytes) == cell.Length && CellId.Of(cell) == id;
    }

    /// <inheritdoc/>
    public void Dispose() => store?.Dispose();

    // Every cell that stands there, by its hash: once.
    private Dictionary<CellId, (string File, int Slot)> Scan(Span<byte> cell)
    {
        var found = new Dictionary<CellId, (string, int)>();
        foreach (string path in Directory.EnumerateFiles(segments, "*.seg").Order(StringComparer.Ordinal))
        {
            using SafeFileHandle? file = Libc.OpenFile(path, write: false, create: false);
            for (int slot = 0; file is not null && slot < StoreLimits.SegmentCells; slot++)
            {
                try
                {
                    if (StoreDisk.Read(file, cell, (long)slot * cellBytes) != cell.Length)
                        break;
                    found.TryAdd(CellId.Of(cell), (path, slot));
                }
                catch (IOException)
                {
                    // That cell cannot be read there.
                }
            }
        }
        return found;
    }
}
