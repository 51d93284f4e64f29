using System.Runtime.InteropServices;
using VmPod.Foundation;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// A thread that takes requests of the kernel and answers them, with its buffers and counters.
/// </summary>
/// <remarks>
/// What is locked: the receive buffer (a guest's writes arrive in it and are handed to the file without a copy) and the reply buffer
/// (reads are filled into it). Both are outside the collected heap, left out of core dumps, and zeroed at the end. libfuse is given our
/// receive buffer and allocates none of its own; what it does allocate (one small record a request) holds ids and offsets, no content.
/// Not locked: the kernel's page cache of the mount, which cannot be swapped, and what a <see cref="MountedFile"/> keeps itself.
/// <code>
/// buffer := { request header, 4 KiB | a write's data, 1 MiB | a read's answer, 1 MiB }
/// </code>
/// </remarks>
internal sealed unsafe class ServingThread
{
    private const int ReceiveBytes = MountLimits.HeaderBytes + MountLimits.TransferBytesMax;
    private const int BufferBytes = ReceiveBytes + MountLimits.TransferBytesMax;

    [ThreadStatic]
    private static ServingThread? current;

    private readonly Thread thread;
    private byte* buffer;
    private long reads, bytesRead, writes, bytesWritten, writesDiscarded, fsyncs, errors;

    internal ServingThread(FuseMount mount, int number)
    {
        Mount = mount;
        buffer = (byte*)Libc.MapPrivate(BufferBytes, locked: true);
        thread = new Thread(Run) { IsBackground = true, Name = $"mount-serve-{number}" };
    }

    /// <summary>The serving thread that runs the caller, or null: callbacks of libfuse run inside <see cref="Run"/> and nowhere
    /// else.</summary>
    internal static ServingThread? Current => current;

    internal FuseMount Mount { get; }

    internal void Start() => thread.Start();

    /// <summary>True when the thread has ended, or never began.</summary>
    internal bool Join(TimeSpan limit) => (thread.ThreadState & ThreadState.Unstarted) != 0 || thread.Join(limit);

    /// <summary>Zeroes and frees the buffers. The thread has ended.</summary>
    internal void Free()
    {
        if (buffer == null)
            return;
        NativeMemory.Clear(buffer, BufferBytes);
        Libc.Unmap((nint)buffer, BufferBytes);
        buffer = null;
    }

    internal MountStatistics Statistics => new(Volatile.Read(ref reads), Volatile.Read(ref bytesRead), Volatile.Read(ref writes),
        Volatile.Read(ref bytesWritten), Volatile.Read(ref writesDiscarded), Volatile.Read(ref fsyncs), Volatile.Read(ref errors));

    /// <summary>Serves a read, then those that waited for a thread.</summary>
    internal void ServeReads(PendingRead read)
    {
        if (!Mount.Reads.TryEnter(read))
            return;
        do
            Answer(read);
        while (Mount.Reads.TryNext(out read));
    }

    /// <summary>Takes a write. Returns the errno, 0 for done.</summary>
    internal int Write(ulong inode, ReadOnlySpan<byte> data, long offset)
    {
        try
        {
            if (Mount.Files.Find(inode) is not { } entry)
                return Interop.ENOENT;
            if (offset < 0 || offset > entry.Size - data.Length)
                return Interop.EFBIG;
            if (entry.Discarding)
            {
                writesDiscarded++;
                return 0;
            }
            if (!entry.File.Writable)
                return Interop.EROFS;
            entry.File.Write(offset, data);
            writes++;
            bytesWritten += data.Length;
            return 0;
        }
        catch (Exception error)
        {
            return Failed(error);
        }
    }

    /// <summary>The barrier of one file. Returns the errno.</summary>
    internal int Flush(ulong inode)
    {
        try
        {
            if (Mount.Files.Find(inode) is { Discarding: false } entry)
                entry.File.Flush();
            fsyncs++;
            return 0;
        }
        catch (Exception error)
        {
            return Failed(error);
        }
    }

    /// <summary>fallocate(2) of one file. Returns the errno.</summary>
    internal int Allocate(ulong inode, int mode, long offset, long length)
    {
        const int KeepSize = 1, PunchHole = 2, ZeroRange = 16;
        try
        {
            if ((mode & ~KeepSize) is not (PunchHole or ZeroRange) || Mount.Files.Find(inode) is not { } entry)
                return Interop.EOPNOTSUPP;
            if (offset < 0 || length <= 0 || offset >= entry.Size)
                return Interop.EINVAL;
            if (entry.Discarding)
                return 0;
            if (!entry.File.Writable)
                return Interop.EROFS;
            entry.File.Zero(offset, Math.Min(length, entry.Size - offset));
            return 0;
        }
        catch (Exception error)
        {
            return Failed(error);
        }
    }

    /// <summary>Counts what a file or a callback threw and gives the errno to answer with.</summary>
    internal int Failed(Exception error)
    {
        errors++;
        if (error is MountIoException chosen)
            return chosen.Errno;
        Mount.Remember(error);
        return Interop.EIO;
    }

    private void Answer(in PendingRead read)
    {
        byte* reply = buffer + ReceiveBytes;
        int length = 0;
        int error = 0;
        try
        {
            if (Mount.Aborted || Mount.Files.Find(read.Inode) is not { } entry)
            {
                error = Interop.ENODEV;
            }
            else if (read.Offset >= 0 && read.Offset < entry.Size)
            {
                length = (int)Math.Min((long)Math.Min(read.Length, MountLimits.TransferBytesMax), entry.Size - read.Offset);
                var into = new Span<byte>(reply, length);
                if (entry.Discarding)
                    into.Clear();
                else
                    entry.File.Read(read.Offset, into);
                reads++;
                bytesRead += length;
            }
        }
        catch (Exception thrown)
        {
            error = Failed(thrown);
        }
        // Nothing below throws, so a request is answered exactly once. That the asker is gone (ENOENT) is no error.
        _ = error != 0 ? Interop.fuse_reply_err(read.Request, error) : Interop.fuse_reply_buf(read.Request, reply, (nuint)length);
    }

    private void Run()
    {
        current = this;
        // Owned by libfuse's session, which outlives this thread.
        int device = Interop.fuse_session_fd(Mount.Session);
        while (true)
        {
            // read(2) and not fuse_session_receive_buf: only so is the length of our buffer what the kernel is told, in every version of
            // libfuse.
            nint length = Interop.read(device, buffer, ReceiveBytes);
            if (length > 0)
            {
                var request = new Interop.FuseBuffer { Size = (nuint)length, Memory = buffer, MemorySize = ReceiveBytes };
                Interop.fuse_session_process_buf(Mount.Session, &request);
                continue;
            }
            int error = length == 0 ? Interop.ENODEV : Marshal.GetLastPInvokeError();
            // ENOENT: the request was withdrawn while it was being taken.
            if (error is Interop.EINTR or Interop.EAGAIN or Interop.ENOENT)
                continue;
            // ENODEV: unmounted or aborted, the one proper end.
            if (error != Interop.ENODEV)
                Mount.Remember(new IOException($"Requests of the kernel can no longer be read (errno {error})."));
            return;
        }
    }
}
