using System.Buffers.Binary;
using System.Security.Cryptography;

namespace VmPod.Vault.Cells;

/// <summary>
/// v1/index: a header of 512 bytes, then the buckets. The header says how many cells of the vault (positions from 0) are certainly in the
/// buckets on disk; it is written only after the buckets were synced, so cells beyond it are added again when the store is next opened
/// (V-58). It also says whether the buckets hold nothing else: appends that a crash took back leave their entries.
/// </summary>
internal static class IndexFile
{
    // { crc32c u32be | "VPI2" | vaultId 16 | buckets u32be | covered u64be | salt 16 | 1 if exact | 0... }. "VPI1" kept entries of cells that were cut off.
    private const int HeaderSize = IndexBucket.Size;
    private const int ExactOffset = 52;
    private const uint HeaderSeed = uint.MaxValue;

    /// <summary>Opens the index of this vault; null if there is none that can be used.</summary>
    internal static IndexTable? TryOpen(StoreDisk disk, UInt128 vaultId, bool writable, out long covered, out bool isExact)
    {
        (covered, isExact) = (0, false);
        Microsoft.Win32.SafeHandles.SafeFileHandle? file;
        try
        {
            file = disk.Open(StoreNames.Index, writable);
        }
        catch (IOException)
        {
            // Not a file, or not readable: as good as none.
            return null;
        }
        if (file is null)
            return null;
        try
        {
            Span<byte> header = stackalloc byte[HeaderSize];
            if (StoreDisk.Read(file, header, 0) == HeaderSize
                && BinaryPrimitives.ReadUInt32BigEndian(header) == IndexBucket.Checksum(HeaderSeed, header)
                && header[4..8].SequenceEqual("VPI2"u8) && BinaryPrimitives.ReadUInt128BigEndian(header[8..]) == vaultId)
            {
                uint buckets = BinaryPrimitives.ReadUInt32BigEndian(header[24..]);
                ulong stored = BinaryPrimitives.ReadUInt64BigEndian(header[28..]);
                if (buckets > 0 && stored <= uint.MaxValue && RandomAccess.GetLength(file) == FileIndexPages.OffsetOf(buckets))
                {
                    (covered, isExact) = ((long)stored, header[ExactOffset] == 1);
                    return new IndexTable(new FileIndexPages(disk, file, StoreNames.Index, buckets),
                        BinaryPrimitives.ReadUInt128BigEndian(header[36..]));
                }
            }
        }
        catch (IOException)
        {
            // A medium error in a cache: build it anew.
        }
        file.Dispose();
        return null;
    }

    /// <summary>Makes an empty table in v1/index.new. <see cref="Publish"/> puts it in place.</summary>
    internal static IndexTable CreateDraft(StoreDisk disk, uint buckets)
    {
        disk.Delete(StoreNames.IndexDraft);
        var file = disk.OpenOrCreate(StoreNames.IndexDraft, out _);
        try
        {
            // All of it is written now, so that a later entry needs no new space.
            const uint BucketsAtOnce = 2048;
            var pages = new byte[BucketsAtOnce * IndexBucket.Size];
            for (uint from = 0; from < buckets; from += BucketsAtOnce)
            {
                uint count = Math.Min(BucketsAtOnce, buckets - from);
                for (uint i = 0; i < count; i++)
                    IndexBucket.Seal(from + i, pages.AsSpan((int)i * IndexBucket.Size, IndexBucket.Size));
                disk.Write(file, StoreNames.IndexDraft, pages.AsSpan(0, (int)count * IndexBucket.Size), FileIndexPages.OffsetOf(from));
            }
            var salt = BinaryPrimitives.ReadUInt128BigEndian(RandomNumberGenerator.GetBytes(16));
            return new IndexTable(new FileIndexPages(disk, file, StoreNames.IndexDraft, buckets), salt);
        }
        catch
        {
            file.Dispose();
            disk.Delete(StoreNames.IndexDraft);
            throw;
        }
    }

    /// <summary>Syncs the draft and gives it its name.</summary>
    internal static IndexTable Publish(StoreDisk disk, IndexTable draft, UInt128 vaultId, long covered)
    {
        var file = ((FileIndexPages)draft.Pages).File;
        SaveHeader(disk, draft, StoreNames.IndexDraft, vaultId, covered, isExact: false);
        disk.Rename(StoreNames.IndexDraft, StoreNames.Index);
        disk.SyncFolder(StoreNames.Version);
        return new IndexTable(new FileIndexPages(disk, file, StoreNames.Index, draft.Pages.Buckets), draft.Salt);
    }

    /// <summary>Makes the buckets durable, then says how many cells they cover, and whether they hold nothing else.</summary>
    internal static void Save(StoreDisk disk, IndexTable table, UInt128 vaultId, long covered, bool isExact) =>
        SaveHeader(disk, table, StoreNames.Index, vaultId, covered, isExact);

    private static void SaveHeader(StoreDisk disk, IndexTable table, string name, UInt128 vaultId, long covered, bool isExact)
    {
        var file = ((FileIndexPages)table.Pages).File;
        disk.Sync(file, name);
        Span<byte> header = stackalloc byte[HeaderSize];
        header.Clear();
        "VPI2"u8.CopyTo(header[4..]);
        BinaryPrimitives.WriteUInt128BigEndian(header[8..], vaultId);
        BinaryPrimitives.WriteUInt32BigEndian(header[24..], table.Pages.Buckets);
        BinaryPrimitives.WriteUInt64BigEndian(header[28..], (ulong)covered);
        BinaryPrimitives.WriteUInt128BigEndian(header[36..], table.Salt);
        header[ExactOffset] = isExact ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(header, IndexBucket.Checksum(HeaderSeed, header));
        disk.Write(file, name, header, 0);
        disk.Sync(file, name);
    }
}
