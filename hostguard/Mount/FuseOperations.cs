using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// The callbacks that libfuse makes on a serving thread. Each answers its request exactly once and lets no exception into native code.
/// </summary>
internal static unsafe class FuseOperations
{
    private const uint AsyncRead = 1 << 0;
    private const uint AsyncDirectIo = 1 << 15;

    /// <summary>struct fuse_lowlevel_ops, filled once and kept: libfuse copies it, the slots are its indices.</summary>
    internal static readonly nint* Table = MakeTable();

    private static nint* MakeTable()
    {
        nint* table = (nint*)NativeMemory.AllocZeroed(Interop.OperationSlots, (nuint)sizeof(nint));
        table[0] = (nint)(delegate* unmanaged[Cdecl]<nint, Interop.FuseConnection*, void>)&Init;
        table[2] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, byte*, void>)&Lookup;
        table[4] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, nint, void>)&GetAttributes;
        table[5] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, byte*, int, nint, void>)&SetAttributes;
        table[14] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, int*, void>)&Open;
        table[15] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, nuint, long, nint, void>)&Read;
        table[16] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, byte*, nuint, long, nint, void>)&Write;
        table[19] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, int, nint, void>)&Fsync;
        table[20] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, int*, void>)&Open;
        table[21] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, nuint, long, nint, void>)&ReadFolder;
        table[24] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, void>)&StatFs;
        table[40] = (nint)(delegate* unmanaged[Cdecl]<nint, ulong, int, long, long, nint, void>)&Allocate;
        // mknod, mkdir, unlink, rmdir, symlink, rename, link, create: the request comes first in each, and C ignores arguments not taken.
        foreach (int slot in (ReadOnlySpan<int>)[7, 8, 9, 10, 11, 12, 13, 30])
            table[slot] = (nint)(delegate* unmanaged[Cdecl]<nint, void>)&Refuse;
        return table;
    }

    private static FuseMount Mount => ServingThread.Current!.Mount;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Init(nint userData, Interop.FuseConnection* connection)
    {
        connection->MaxWrite = MountLimits.TransferBytesMax;
        connection->MaxRead = MountLimits.TransferBytesMax;
        connection->MaxBackground = MountLimits.BackgroundRequestsMax;
        connection->CongestionThreshold = MountLimits.BackgroundRequestsMax * 3 / 4;
        connection->MaxReadAhead = Math.Min(connection->MaxReadAhead, (uint)Mount.Options.MemoryReadAheadKiB * 1024);
        // Everything else stays off on purpose. WRITEBACK_CACHE would keep a disk's writes out of our sight after they were acknowledged.
        // AUTO_INVAL_DATA would drop all of guest RAM from the cache when the kernel's mtime (set by a fault) and ours differ.
        connection->Want = connection->Capable & (AsyncRead | AsyncDirectIo);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Lookup(nint request, ulong parent, byte* name)
    {
        FileTable files = Mount.Files;
        MountEntry? entry = parent == FileTable.RootInode ? files.Find(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name)) : null;
        if (entry is null)
        {
            _ = Interop.fuse_reply_err(request, Interop.ENOENT);
            return;
        }
        var answer = new FuseWire.EntryOut
        {
            Inode = entry.Inode,
            EntryValidSeconds = MountLimits.AttributeSeconds,
            AttributesValidSeconds = MountLimits.AttributeSeconds,
            Attributes = files.AttributesOf(entry),
        };
        Reply(request, answer);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void GetAttributes(nint request, ulong inode, nint info) => ReplyAttributes(request, inode);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void SetAttributes(nint request, ulong inode, byte* stat, int valid, nint info)
    {
        const int Mode = 1, Uid = 2, Gid = 4, Size = 8;
        // st_size of struct stat on x86-64 and arm64.
        const int SizeOffset = 48;
        // Times may be set and are not kept; a truncation to the size that the file has is none.
        bool resized = (valid & Size) != 0 && *(long*)(stat + SizeOffset) != Mount.Files.Find(inode)?.Size;
        if ((valid & (Mode | Uid | Gid)) != 0 || resized)
            _ = Interop.fuse_reply_err(request, Interop.EPERM);
        else
            ReplyAttributes(request, inode);
    }

    /// <summary>open(2) and opendir(3): the one place where it is checked who comes in.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Open(nint request, ulong inode, int* flags)
    {
        Interop.FuseContext* asker = Interop.fuse_req_ctx(request);
        MountEntry? entry = Mount.Files.Find(inode);
        bool writes = (*flags & Interop.O_ACCMODE) != Interop.O_RDONLY;
        if (!Mount.Admits(asker->Uid) || (writes && entry is { File.Writable: false }))
            _ = Interop.fuse_reply_err(request, Interop.EACCES);
        else
            Reply(request, new FuseWire.OpenOut { Flags = entry?.OpenFlags ?? 0 });
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Read(nint request, ulong inode, nuint length, long offset, nint info) =>
        ServingThread.Current!.ServeReads(new PendingRead(request, inode, length, offset));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Write(nint request, ulong inode, byte* data, nuint length, long offset, nint info)
    {
        int error = ServingThread.Current!.Write(inode, new ReadOnlySpan<byte>(data, (int)length), offset);
        _ = error != 0 ? Interop.fuse_reply_err(request, error) : Interop.fuse_reply_write(request, length);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Fsync(nint request, ulong inode, int dataOnly, nint info) =>
        _ = Interop.fuse_reply_err(request, ServingThread.Current!.Flush(inode));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Allocate(nint request, ulong inode, int mode, long offset, long length, nint info) =>
        _ = Interop.fuse_reply_err(request, ServingThread.Current!.Allocate(inode, mode, offset, length));

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void ReadFolder(nint request, ulong inode, nuint length, long offset, nint info)
    {
        if (inode != FileTable.RootInode)
        {
            _ = Interop.fuse_reply_err(request, Interop.ENOTDIR);
            return;
        }
        int limit = (int)Math.Min(length, MountLimits.PageBytes);
        byte* listing = stackalloc byte[MountLimits.PageBytes];
        int used = 0;
        for (int position = (int)Math.Clamp(offset, 0, int.MaxValue - 1); Mount.Files.Listed(position) is { } item; position++)
        {
            int bytes = (sizeof(FuseWire.DirectoryEntry) + item.Name.Length + 7) & ~7;
            if (used + bytes > limit)
                break;
            *(FuseWire.DirectoryEntry*)(listing + used) = new FuseWire.DirectoryEntry
            {
                Inode = item.Inode,
                NextOffset = (ulong)position + 1,
                NameLength = (uint)item.Name.Length,
                Type = item.Type >> 12,
            };
            var name = new Span<byte>(listing + used + sizeof(FuseWire.DirectoryEntry), bytes - sizeof(FuseWire.DirectoryEntry));
            name.Clear();
            item.Name.CopyTo(name);
            used += bytes;
        }
        _ = Interop.fuse_reply_buf(request, listing, (nuint)used);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void StatFs(nint request, ulong inode) => Reply(request, Mount.Files.Statistics());

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Refuse(nint request) => _ = Interop.fuse_reply_err(request, Interop.EPERM);

    private static void ReplyAttributes(nint request, ulong inode)
    {
        FileTable files = Mount.Files;
        MountEntry? entry = files.Find(inode);
        if (entry is null && inode != FileTable.RootInode)
        {
            _ = Interop.fuse_reply_err(request, Interop.ENOENT);
            return;
        }
        Reply(request, new FuseWire.AttributesOut
        {
            ValidSeconds = MountLimits.AttributeSeconds,
            Attributes = entry is null ? files.RootAttributes : files.AttributesOf(entry),
        });
    }

    private static void Reply<T>(nint request, T answer) where T : unmanaged =>
        _ = Interop.fuse_reply_buf(request, (byte*)&answer, (nuint)sizeof(T));
}
