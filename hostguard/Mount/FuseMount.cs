using System.Runtime.InteropServices;
using VmPod.Foundation;

namespace VmPod.HostGuard.Mount;

/// <summary>
/// A folder of files whose bytes come from <see cref="MountedFile"/>s, shown to other processes through FUSE (libfuse3, low-level API).
/// It knows files of bytes: no vault, no keys.
/// </summary>
/// <remarks>
/// <code>
///   Start ──► serving ──► ZeroCachedPages (each file: writes dropped, reads zeros, for ever) ──┐
///                │                                                                             ▼
///                ├──► Unmount(lazy) ──► no new opens; served on until the last holder closes ──► Dispose
///                └──► Abort ──► every waiting and later request fails at once ──────────────────► Dispose
/// </code>
/// This process never maps its own mount, and touches it only through one held descriptor a file, never from a serving thread: a thread
/// that waits for its own answer waits for ever. The mount point is an empty folder, 0700, in a mount namespace of our own
/// (<see cref="PrivateNamespace"/>).
/// </remarks>
public sealed unsafe class FuseMount : IDisposable
{
    private readonly string mountPoint;
    private readonly uint ownUid = Interop.geteuid();
    private readonly List<ServingThread> threads = [];
    private readonly Lock lifecycle = new();
    private readonly Dictionary<MountEntry, HeldFile> held = [];
    private SyncThread? syncThread;
    private FuseControl? control;
    private Exception? lastError;
    private volatile bool aborted;
    private bool unmounted;
    private bool disposed;

    private FuseMount(string mountPoint, IReadOnlyList<MountedFile> files, FuseMountOptions options)
    {
        this.mountPoint = mountPoint;
        Options = options;
        Files = new FileTable(files, options.OwnerUid ?? ownUid, options.OwnerGid ?? Interop.getegid());
        // One thread stays free of reads (ReadGate).
        Reads = new ReadGate(options.ServingThreads - 1);
    }

    /// <summary>Where the files are.</summary>
    public string MountPoint => mountPoint;

    /// <summary>What was answered so far. Cheap: sums of counters that each thread keeps for itself.</summary>
    public MountStatistics Statistics => threads.Select(thread => thread.Statistics).Aggregate(default(MountStatistics), (a, b) =>
        new MountStatistics(a.Reads + b.Reads, a.BytesRead + b.BytesRead, a.Writes + b.Writes, a.BytesWritten + b.BytesWritten,
            a.WritesDiscarded + b.WritesDiscarded, a.Fsyncs + b.Fsyncs, a.Errors + b.Errors));

    /// <summary>The last thing that a file threw besides <see cref="MountIoException"/>, or null.</summary>
    public Exception? LastError => Volatile.Read(ref lastError);

    /// <summary>The mount's read-ahead as the kernel has it, in KiB; null where it cannot be read. Differs from what was asked for where
    /// sysfs may not be written and more than the kernel's default was asked.</summary>
    public int? ReadAheadKiB { get; private set; }

    /// <summary>The kernel's file for this connection (fusectl): writing "1" to it ends every wait on the mount.
    /// Null where it cannot be had.</summary>
    /// <remarks>For the watchdog. A process that is killed in the middle of an fsync on its own mount waits for an answer that it can no
    /// longer give, holds the connection while it waits, and so never ends, nor does the hypervisor. Whoever kills us writes here
    /// afterwards.</remarks>
    public string? AbortFile { get; private set; }

    /// <summary>The connection has been cut by <see cref="Abort"/> or <see cref="Dispose"/>.</summary>
    public bool Aborted => aborted;

    internal FuseMountOptions Options { get; }

    internal FileTable Files { get; }

    internal ReadGate Reads { get; }

    internal nint Session { get; private set; }

    /// <summary>Mounts the files at an existing folder and serves them.</summary>
    /// <param name="mountPoint">An existing empty folder. Who creates it makes it 0700.</param>
    /// <param name="files">At least one, with names of their own. Their owner disposes of them after the mount.</param>
    /// <param name="options">Who may come in, and how many threads serve.</param>
    /// <exception cref="VmPodException">No FUSE, no libfuse3, no right to mount, or no right to lock memory (exit code 9).</exception>
    public static FuseMount Start(string mountPoint, IReadOnlyList<MountedFile> files, FuseMountOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(mountPoint);
        ArgumentOutOfRangeException.ThrowIfZero(files.Count);
        options.Validate();
        string folder = Path.GetFullPath(mountPoint);
        if (!Directory.Exists(folder))
            throw new ArgumentException("The mount point is not a folder.", nameof(mountPoint));

        var mount = new FuseMount(folder, files, options);
        try
        {
            mount.Connect();
            mount.Serve();
            return mount;
        }
        catch (DllNotFoundException error)
        {
            mount.Dispose();
            throw new VmPodException(ExitCode.Missing, "libfuse3 is not installed.", "Install libfuse3-3 (Debian) or fuse3-libs.", error);
        }
        catch
        {
            mount.Dispose();
            throw;
        }
    }

    /// <summary>Writes back every dirty page of a file and waits for it (fsync(2) through the mount, on a thread of its own).</summary>
    /// <exception cref="IOException">The kernel reported an error: the epoch that this call was to complete is not complete.</exception>
    public void SyncFile(string name) => SyncFileAsync(name).GetAwaiter().GetResult();

    /// <summary>As <see cref="SyncFile"/>, without blocking the caller.</summary>
    public Task SyncFileAsync(string name)
    {
        HeldFile file = Held(name);
        return syncThread!.Sync(file);
    }

    /// <summary>The page cache of a file (cachestat(2)): 0 dirty and 0 writeback after a sync of a stopped guest means that all is
    /// here.</summary>
    public CacheState CacheState(string name) => Held(name).CacheState(0, 0);

    /// <summary>
    /// Wipes the page cache of a file: from here on its writes are dropped and it reads as zeros without asking the source; then every
    /// page that is in memory is overwritten with zeros and, where nobody maps it, dropped. For a guest that is dead. There is no way back.
    /// </summary>
    /// <param name="name">A file; a <see cref="MountedFileKind.Disk"/> has no page cache and is only closed to its source.</param>
    /// <param name="progress">Told the bytes zeroed so far.</param>
    /// <exception cref="IOException">Not all could be zeroed: the receipt must say so.</exception>
    public CacheWipe ZeroCachedPages(string name, IProgress<long>? progress = null)
    {
        HeldFile file = Held(name);
        MountEntry entry = Files.Named(name);
        entry.Discarding = true;
        // A read that waits keeps its page locked, and the wipe would wait with it.
        entry.File.Abandon();
        return entry.File.Kind == MountedFileKind.Disk ? default : new PageCacheWiper(Session, entry, file, progress).Run();
    }

    /// <summary>
    /// Cuts the connection: whoever waits in the kernel for the mount gets an error at once (a mapping: SIGBUS), and so does everyone
    /// later. Files are told to give up waiting (<see cref="MountedFile.Abandon"/>).
    /// </summary>
    /// <exception cref="VmPodException">This process may not abort it (exit code 9).</exception>
    public void Abort()
    {
        aborted = true;
        try
        {
            control?.Abort();
        }
        finally
        {
            foreach (MountEntry entry in Files.Entries)
                entry.File.Abandon();
        }
    }

    /// <summary>Takes the mount out of the name space.</summary>
    /// <param name="lazy">True: also while processes hold files of it; they are served until they let go.</param>
    /// <exception cref="VmPodException">A process holds a file and <paramref name="lazy"/> is false (exit code 6); the mount goes
    /// on.</exception>
    public void Unmount(bool lazy)
    {
        lock (lifecycle)
        {
            if (unmounted)
                return;
            CloseHeldFiles();
            if (Interop.umount2(mountPoint, Interop.UMOUNT_NOFOLLOW | (lazy ? Interop.MNT_DETACH : 0)) == 0)
            {
                unmounted = true;
                return;
            }
            int error = Marshal.GetLastPInvokeError();
            // EINVAL: somebody else has unmounted it.
            if (error == Interop.EINVAL)
            {
                unmounted = true;
                return;
            }
            if (error != Interop.EBUSY)
                throw Libc.Failure("umount");
            if (!aborted)
                OpenHeldFiles();
            throw new VmPodException(ExitCode.Busy, "A process still uses the mount.", "End it, or unmount lazily.");
        }
    }

    /// <summary>Unmounts, by force if it must, ends the serving threads, and zeroes their buffers.</summary>
    /// <remarks>A serving thread that a file does not return from within 5 seconds after <see cref="MountedFile.Abandon"/> is left behind
    /// with its buffers and libfuse's session: freeing them under it would be worse. <see cref="LastError"/> then says so.</remarks>
    public void Dispose()
    {
        if (disposed)
            return;
        disposed = true;
        bool mounted = control is not null;
        if (mounted)
            End();
        syncThread?.Dispose();
        bool ended = JoinAll(MountLimits.ForcedEnd);
        if (!ended)
        {
            Remember(new TimeoutException("A file of the mount did not return from a call after the mount was aborted."));
            return;
        }
        aborted = true;
        foreach (PendingRead read in Reads.Drain())
            _ = Interop.fuse_reply_err(read.Request, Interop.ENODEV);
        foreach (ServingThread thread in threads)
            thread.Free();
        if (Session != 0)
        {
            // Finds the connection severed and closes its descriptor; our own umount has taken the mount away.
            Interop.fuse_session_unmount(Session);
            Interop.fuse_session_destroy(Session);
            Session = 0;
        }
    }

    internal bool Admits(uint uid) => !Options.CheckUidAtOpen || uid == ownUid || uid == Options.AllowedUid;

    internal void Remember(Exception error) => Volatile.Write(ref lastError, error);

    private void Connect()
    {
        for (int i = 0; i < Options.ServingThreads; i++)
            threads.Add(new ServingThread(this, i));

        // Others than our own uid are let in by the kernel only if there is one to let in; the check at open then picks it.
        bool allowOther = (Options.AllowedUid is { } uid && uid != ownUid) || !Options.CheckUidAtOpen;
        string settings = $"fsname={Options.FsName},subtype=vmpod,noexec,nosuid,nodev,noatime,max_read={MountLimits.TransferBytesMax}"
            + (allowOther ? ",allow_other" : "");
        nint program = Marshal.StringToCoTaskMemUTF8("vmpod");
        nint option = Marshal.StringToCoTaskMemUTF8("-o" + settings);
        try
        {
            byte** values = stackalloc byte*[] { (byte*)program, (byte*)option };
            var arguments = new Interop.FuseArguments { Count = 2, Values = values };
            Session = Interop.fuse_session_new(&arguments, FuseOperations.Table, Interop.OperationSlots * (nuint)sizeof(nint), 0);
        }
        finally
        {
            Marshal.FreeCoTaskMem(program);
            Marshal.FreeCoTaskMem(option);
        }
        if (Session == 0)
            throw new VmPodException(ExitCode.Missing, "libfuse3 refused to make a session.", "libfuse3 3.14 or later is needed.");
        if (Interop.fuse_session_mount(Session, mountPoint) != 0)
        {
            throw new VmPodException(ExitCode.Missing, "The FUSE mount could not be made.",
                "/dev/fuse must exist (modprobe fuse), and this process needs CAP_SYS_ADMIN in its mount namespace.");
        }
        control = FuseControl.Of(mountPoint);
        AbortFile = control.ProvideAbortFile() ? control.AbortFile : null;
    }

    private void Serve()
    {
        foreach (ServingThread thread in threads)
            thread.Start();
        syncThread = new SyncThread();
        lock (lifecycle)
            OpenHeldFiles();
        // After the first open INIT is over, which would overwrite it.
        ReadAheadKiB = control!.SetReadAhead(Options.MemoryReadAheadKiB);
    }

    private void End()
    {
        try
        {
            Unmount(lazy: false);
        }
        catch (Exception error) when (error is VmPodException or IOException)
        {
            // Busy. The connection is cut first, so that the lazy unmount below leaves nothing behind that could still be served.
            EndByForce();
        }
        // A namespace of another process (a jail) can hold the mount although it is gone from ours.
        if (!JoinAll(MountLimits.QuietEnd))
            EndByForce();
    }

    private void EndByForce()
    {
        try
        {
            Abort();
            Unmount(lazy: true);
        }
        catch (Exception error) when (error is VmPodException or IOException)
        {
            Remember(error);
        }
    }

    private bool JoinAll(TimeSpan limit)
    {
        long end = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        return threads.All(thread => thread.Join(TimeSpan.FromMilliseconds(Math.Max(0, end - Environment.TickCount64))));
    }

    private HeldFile Held(string name)
    {
        if (ServingThread.Current is not null)
            throw new InvalidOperationException("A serving thread must not touch its own mount.");
        MountEntry entry = Files.Named(name);
        lock (lifecycle)
        {
            return held.TryGetValue(entry, out HeldFile? file)
                ? file
                : throw new ObjectDisposedException(nameof(FuseMount), "The mount is not mounted any more.");
        }
    }

    private void OpenHeldFiles()
    {
        foreach (MountEntry entry in Files.Entries)
            held.Add(entry, new HeldFile(Path.Combine(mountPoint, entry.File.Name), entry.File.Writable));
    }

    private void CloseHeldFiles()
    {
        foreach (HeldFile file in held.Values)
            file.Dispose();
        held.Clear();
    }
}
