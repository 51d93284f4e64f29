using System.Text;

namespace VmPod.HostGuard.Mount;

/// <summary>The one folder of the mount: names, inodes, attributes. Never changes after the start, so it needs no lock.</summary>
internal sealed class FileTable
{
    internal const ulong RootInode = 1;
    private const uint BlockBytes = 512;
    private const uint FolderMode = 0x1C0;    // 0700
    private const uint ReadOnlyMode = 0x100;  // 0400
    private const uint WritableMode = 0x180;  // 0600

    private readonly MountEntry[] entries;
    private readonly byte[][] names;
    private readonly Dictionary<string, MountEntry> byName = new(StringComparer.Ordinal);
    private readonly uint ownerUid;
    private readonly uint ownerGid;

    internal FileTable(IReadOnlyList<MountedFile> files, uint ownerUid, uint ownerGid)
    {
        (this.ownerUid, this.ownerGid) = (ownerUid, ownerGid);
        entries = [.. files.Select((file, index) => new MountEntry(file, RootInode + 1 + (ulong)index))];
        names = [.. files.Select(file => Encoding.UTF8.GetBytes(file.Name))];
        foreach (MountEntry entry in entries)
        {
            if (!byName.TryAdd(entry.File.Name, entry))
                throw new ArgumentException("Two files of a mount have one name.", nameof(files));
        }
    }

    internal IReadOnlyList<MountEntry> Entries => entries;

    internal MountEntry Named(string name) =>
        byName.TryGetValue(name, out MountEntry? entry)
            ? entry
            : throw new ArgumentException("The mount has no file of this name.", nameof(name));

    internal MountEntry? Find(ReadOnlySpan<byte> name)
    {
        // A session has a handful of files; comparing bytes needs no string of a name that comes from outside.
        for (int i = 0; i < names.Length; i++)
        {
            if (name.SequenceEqual(names[i]))
                return entries[i];
        }
        return null;
    }

    internal MountEntry? Find(ulong inode) =>
        inode > RootInode && inode - RootInode <= (ulong)entries.Length ? entries[inode - RootInode - 1] : null;

    /// <summary>The name, inode and type at a position of the folder's listing, or null behind its end.</summary>
    internal (byte[] Name, ulong Inode, uint Type)? Listed(int position) => position switch
    {
        0 => ("."u8.ToArray(), RootInode, FuseWire.FolderType),
        1 => (".."u8.ToArray(), RootInode, FuseWire.FolderType),
        _ when position - 2 < names.Length => (names[position - 2], entries[position - 2].Inode, FuseWire.FileType),
        _ => null,
    };

    internal FuseWire.Attributes RootAttributes => new()
    {
        Inode = RootInode,
        Mode = FuseWire.FolderType | FolderMode,
        Links = 2,
        Uid = ownerUid,
        Gid = ownerGid,
        BlockSize = MountLimits.PageBytes,
    };

    internal FuseWire.Attributes AttributesOf(MountEntry entry) => new()
    {
        Inode = entry.Inode,
        Size = (ulong)entry.Size,
        // All of it counts as allocated: tools that see 0 blocks take the file for one hole and do not read it.
        Blocks = ((ulong)entry.Size + BlockBytes - 1) / BlockBytes,
        Mode = FuseWire.FileType | (entry.File.Writable ? WritableMode : ReadOnlyMode),
        Links = 1,
        Uid = ownerUid,
        Gid = ownerGid,
        BlockSize = MountLimits.PageBytes,
    };

    internal FuseWire.StatFsOut Statistics() => new()
    {
        Blocks = (ulong)entries.Sum(entry => entry.Size / MountLimits.PageBytes),
        Files = (ulong)entries.Length,
        BlockSize = MountLimits.PageBytes,
        FragmentSize = MountLimits.PageBytes,
        NameLength = MountLimits.NameBytesMax,
    };
}
