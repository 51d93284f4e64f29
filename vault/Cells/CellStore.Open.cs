using VmPod.Foundation;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>Making and opening.</summary>
public sealed partial class CellStore
{
    /// <summary>Makes a vault and its first head, with no entries and no sessions, dated by the descriptor. The store is open for
    /// writing.</summary>
    /// <exception cref="VmPodException">As for the other form.</exception>
    public static CellStore Create(string dir, VaultDescriptor descriptor, IHeadAuthority authority) =>
        Create(dir, descriptor, authority, [], _ => new HeadDraft(0, descriptor.CreatedMs, []));

    /// <summary>
    /// Makes a vault whose first commit already holds these entries. Crash-safe: vault.json appears last, so a vault is there with all of
    /// them or not at all; what is left of an unfinished one is cleared away by the next call.
    /// </summary>
    /// <exception cref="VmPodException">Refused: the folder holds something else, or a vault. Busy: another process is making one.
    /// NoSpace.</exception>
    public static CellStore Create(string dir, VaultDescriptor descriptor, IHeadAuthority authority,
        IReadOnlyList<PendingEntry> entries, Func<CommitContext, HeadDraft> head) =>
        Create(dir, descriptor, authority, entries, head, observe: null);

    /// <summary>Opens a vault. For writing: recovers from an unclean end first, and cuts off what was not committed.</summary>
    /// <exception cref="VmPodException">NotFound: no vault there. Refused: newer format. Damaged: no head can be found, or (for writing)
    /// the newest is lost. Busy: the lock is held; the message names the holder.</exception>
    public static CellStore Open(string dir, StoreAccess access, IHeadAuthority authority) => Open(dir, access, authority, observe: null);

    /// <summary>Reads vault.json alone: what an authority is made from, before the store is opened with it.</summary>
    /// <exception cref="VmPodException">NotFound, Refused or Damaged, as for
    /// <see cref="Open(string, StoreAccess, IHeadAuthority)"/>.</exception>
    public static VaultDescriptor ReadDescriptor(string dir)
    {
        if (new StoreDisk(dir, null).ReadSmall(StoreNames.Descriptor, StoreLimits.DescriptorBytesMax) is { } json)
            return VaultDescriptor.Parse(json);
        bool isHalfMade = Directory.Exists(Path.Combine(dir, StoreNames.Version));
        throw isHalfMade
            ? new VmPodException(ExitCode.NotFound, "The making of the vault in this folder did not finish.",
                "Make it again; nothing was in it yet.")
            : new VmPodException(ExitCode.NotFound, "There is no vault in this folder.", "Name the folder that holds vault.json.");
    }

    internal static CellStore Create(string dir, VaultDescriptor descriptor, IHeadAuthority authority, IReadOnlyList<PendingEntry> entries,
        Func<CommitContext, HeadDraft> head, Action<DiskOperation>? observe)
    {
        var json = descriptor.Encode();
        var disk = new StoreDisk(dir, observe);
        try
        {
            disk.CreateFolder(StoreNames.Root);
            CheckMayCreate(dir);
            disk.CreateFolder(StoreNames.Version);
            var storeLock = StoreLock.Take(disk, exclusive: true);
            CellStore? store = null;
            try
            {
                // Again, now that nobody else can be at it.
                CheckMayCreate(dir);
                ClearUnfinished(disk);
                store = Lay(disk, storeLock, descriptor, authority);
                _ = store.Commit(entries, head);
                Publish(disk, json);
                return store;
            }
            catch
            {
                store?.Dispose();
                storeLock.Dispose();
                throw;
            }
        }
        catch (Exception e) when (StoreDisk.IsNoSpace(e))
        {
            throw NoSpace(e);
        }
        catch (Exception e) when (StoreDisk.IsDiskError(e))
        {
            throw new StorePoisonedException(ExitCode.Damaged, e.Message, e);
        }
    }

    internal static CellStore Open(string dir, StoreAccess access, IHeadAuthority authority, Action<DiskOperation>? observe)
    {
        var descriptor = ReadDescriptor(dir);
        var disk = new StoreDisk(dir, observe);
        bool writable = access == StoreAccess.Write;
        Files? files = null;
        StoreLock? storeLock = null;
        try
        {
            storeLock = StoreLock.Take(disk, writable);
            files = new Files(storeLock, disk.Open(StoreNames.Log, writable) ?? throw MissingFile(StoreNames.Log),
                disk.Open(StoreNames.Slots, writable) ?? throw MissingFile(StoreNames.Slots));
            var recovery = Recovery.Run(disk, files.Slots, files.Log, descriptor, authority);
            if (writable && recovery.IsNewestHeadLost)
            {
                throw new VmPodException(ExitCode.Damaged,
                    $"The newest head of the vault is damaged; the one before it (number {recovery.State.Seq}) can be read.",
                    "Restore what you need from it (it opens for reading), and the pod from a mirror or a backup.");
            }
            return new CellStore(disk, access, descriptor, authority, files, recovery);
        }
        catch (Exception e)
        {
            files?.Log.Dispose();
            files?.Slots.Dispose();
            storeLock?.Dispose();
            if (StoreDisk.IsNoSpace(e))
                throw NoSpace(e);
            if (StoreDisk.IsDiskError(e))
                throw new StorePoisonedException(ExitCode.Damaged, e.Message, e);
            throw;
        }
    }

    // Before anything else is written: a writer makes the slots say again what was found, then cuts off what does not count.
    private void Repair(Recovery recovery)
    {
        if (recovery.IsRolledForward)
            WriteSlot(_state.Slot!);
        if (recovery.BlankPlace is { } place)
        {
            _disk.Write(_slots, StoreNames.Slots, new byte[StoreLimits.SlotBytes], place * (long)StoreLimits.SlotBytes);
            _disk.Sync(_slots, StoreNames.Slots);
        }
        if (RandomAccess.GetLength(_log) > _state.LogBytes)
            _disk.Truncate(_log, StoreNames.Log, _state.LogBytes);
        _disk.CreateFolder(StoreNames.Segments);
        // What a mirror was sent is whole without a head that names it: it looks for that itself.
        if (!_isMirror)
            _segments.CutTo(_state.Cells);
        _disk.Delete(StoreNames.IndexDraft);
        _disk.Delete(StoreNames.Probe);
        _disk.Delete(StoreNames.DescriptorDraft);
    }

    private static VmPodException MissingFile(string name) => new(ExitCode.Damaged,
        $"The vault cannot be opened: its file {name} is missing.",
        "Copy the pod folder away as it is, then restore it from a mirror or a backup.");

    private static void CheckMayCreate(string dir)
    {
        foreach (string path in Directory.EnumerateFileSystemEntries(dir))
        {
            string name = Path.GetFileName(path);
            if (name == StoreNames.Descriptor)
                throw new VmPodException(ExitCode.Refused, "This folder already holds a vault.", "Open it, or choose an empty folder.");
            // lost+found stands in the root of a fresh ext4 disk.
            if (name is not (StoreNames.Version or StoreNames.DescriptorDraft or "lost+found"))
                throw new VmPodException(ExitCode.Refused, "This folder is not empty and holds no vault.", "Choose an empty folder.");
        }
    }

    // Laid by who makes the vault, before vault.json appears, and laid anew by him (PodVault.Create).
    private static readonly string[] SecretFolders = ["v1/nv", "v1/slots"];

    // Only what an unfinished Create can have left; anything else in there is not ours to delete.
    private static void ClearUnfinished(StoreDisk disk)
    {
        string[] known = [StoreNames.Segments, StoreNames.Index, StoreNames.IndexDraft, StoreNames.Log, StoreNames.Slots, StoreNames.Lock, .. SecretFolders];
        var present = Directory.EnumerateFileSystemEntries(disk.PathOf(StoreNames.Version)).Select(path => $"{StoreNames.Version}/{Path.GetFileName(path)}");
        bool isForeign = present.Except(known).Any() || Directory.Exists(disk.PathOf(StoreNames.Segments))
            && Directory.EnumerateFileSystemEntries(disk.PathOf(StoreNames.Segments)).Any();
        if (isForeign)
        {
            throw new VmPodException(ExitCode.Refused, "This folder holds cells but no vault.json.",
                "Restore vault.json from a mirror or a backup, or choose an empty folder.");
        }
        foreach (string name in (string[])[StoreNames.DescriptorDraft, StoreNames.Index, StoreNames.IndexDraft, StoreNames.Log,
            StoreNames.Slots])
            disk.Delete(name);
    }

    private static CellStore Lay(StoreDisk disk, StoreLock storeLock, VaultDescriptor descriptor, IHeadAuthority authority, bool isMirror = false)
    {
        disk.CreateFolder(StoreNames.Segments);
        var log = disk.OpenOrCreate(StoreNames.Log, out _);
        var slots = disk.OpenOrCreate(StoreNames.Slots, out _);
        try
        {
            disk.Write(slots, StoreNames.Slots, new byte[2 * StoreLimits.SlotBytes], 0);
            disk.Sync(slots, StoreNames.Slots);
            return new CellStore(disk, StoreAccess.Write, descriptor, authority, new Files(storeLock, log, slots), recovery: null, isMirror);
        }
        catch
        {
            log.Dispose();
            slots.Dispose();
            throw;
        }
    }

    private static void Publish(StoreDisk disk, byte[] json)
    {
        using (var file = disk.OpenOrCreate(StoreNames.DescriptorDraft, out _))
        {
            disk.Write(file, StoreNames.DescriptorDraft, json, 0);
            disk.Sync(file, StoreNames.DescriptorDraft);
        }
        // Everything that vault.json vouches for is durable before it has its name.
        disk.SyncFolder(StoreNames.Version);
        disk.SyncFolder(StoreNames.Root);
        disk.Rename(StoreNames.DescriptorDraft, StoreNames.Descriptor);
        disk.SyncFolder(StoreNames.Root);
        // The pod folder itself may be new.
        if (Path.GetDirectoryName(Path.GetFullPath(disk.PathOf(StoreNames.Root))) is { } parent)
            Libc.FsyncDirectory(parent);
    }
}
