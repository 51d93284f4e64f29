using System.Runtime.InteropServices;

namespace VmPod.HostGuard.Mount;

/// <summary>The kernel's answer structures (linux/fuse.h, protocol 7.9 and later), the same on every 64-bit machine.</summary>
internal static class FuseWire
{
    internal const uint OpenDirectIo = 1 << 0;
    internal const uint OpenKeepCache = 1 << 1;
    internal const uint OpenNoFlush = 1 << 5;
    internal const uint OpenParallelDirectWrites = 1 << 6;

    internal const uint FolderType = 0x4000;
    internal const uint FileType = 0x8000;

    /// <summary>struct fuse_attr.</summary>
    internal struct Attributes
    {
        internal ulong Inode;
        internal ulong Size;
        internal ulong Blocks;
        internal ulong AccessTime;
        internal ulong ModifyTime;
        internal ulong ChangeTime;
        internal uint AccessNanoseconds;
        internal uint ModifyNanoseconds;
        internal uint ChangeNanoseconds;
        internal uint Mode;
        internal uint Links;
        internal uint Uid;
        internal uint Gid;
        internal uint Device;
        internal uint BlockSize;
        internal uint Flags;
    }

    /// <summary>struct fuse_attr_out.</summary>
    internal struct AttributesOut
    {
        internal ulong ValidSeconds;
        internal uint ValidNanoseconds;
        internal uint Padding;
        internal Attributes Attributes;
    }

    /// <summary>struct fuse_entry_out.</summary>
    internal struct EntryOut
    {
        internal ulong Inode;
        internal ulong Generation;
        internal ulong EntryValidSeconds;
        internal ulong AttributesValidSeconds;
        internal uint EntryValidNanoseconds;
        internal uint AttributesValidNanoseconds;
        internal Attributes Attributes;
    }

    /// <summary>struct fuse_open_out.</summary>
    internal struct OpenOut
    {
        internal ulong Handle;
        internal uint Flags;
        internal int Padding;
    }

    /// <summary>struct fuse_statfs_out.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 80)]
    internal struct StatFsOut
    {
        internal ulong Blocks;
        internal ulong BlocksFree;
        internal ulong BlocksAvailable;
        internal ulong Files;
        internal ulong FilesFree;
        internal uint BlockSize;
        internal uint NameLength;
        internal uint FragmentSize;
    }

    /// <summary>struct fuse_dirent, in front of the name; padded to 8 bytes with it.</summary>
    internal struct DirectoryEntry
    {
        internal ulong Inode;
        internal ulong NextOffset;
        internal uint NameLength;
        internal uint Type;
    }
}
