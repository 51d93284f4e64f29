using System.ComponentModel;
using System.Runtime.InteropServices;

namespace VmPod.Foundation.Processes;

/// <summary>
/// A child process that inherits exactly what it is given: standard input is /dev/null, output and error go to a bounded <see
/// cref="ProcessOutput"/>, the named descriptors appear as 3, 4, 5…, everything else is closed; the environment is as given (empty by
/// default); it leads its own process group; all signals are at their defaults. System.Diagnostics.Process gives none of these.
/// </summary>
/// <remarks>
/// Each child has a thread of its own in this process, which starts it and waits for it. The thread must live as long as the child: a child
/// that asked to die with its parent (PR_SET_PDEATHSIG, `bwrap --die-with-parent`) is killed when the *thread* that started it ends, and
/// threads of the pool come and go. Disposing kills the child. Nothing else reaps it.
/// </remarks>
public sealed unsafe class ChildProcess : IDisposable
{
    private const int FirstDescriptor = 3;

    // glibc: posix_spawn_file_actions_t has 80, posix_spawnattr_t 336, sigset_t 128, siginfo_t 128 bytes; one generous size serves all.
    private const int OpaqueBytes = 512;

    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<PidFd> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ProcessOutput _output = new();
    private PidFd? _pidFd;

    private ChildProcess()
    {
    }

    /// <summary>The child's number.</summary>
    public int ProcessId => Handle.ProcessId;

    /// <summary>Completes when the child has ended and was reaped: its exit code, or 128 + signal.</summary>
    public Task<int> Exited => _exited.Task;

    /// <summary>What it wrote to standard output and error.</summary>
    public ProcessOutput Output => _output;

    private PidFd Handle => _pidFd ?? throw new InvalidOperationException("The child was not started.");

    /// <summary>Starts a program.</summary>
    /// <param name="program">Absolute path.</param>
    /// <param name="arguments">Its arguments, without the program itself.</param>
    /// <param name="descriptors">What it inherits as 3, 4, 5…; the caller keeps and closes its own.</param>
    /// <param name="environment">NAME=VALUE entries; empty by default. No secrets: /proc shows them.</param>
    /// <exception cref="VmPodException">The program cannot be started (exit code 9).</exception>
    public static ChildProcess Start(string program, IReadOnlyList<string> arguments, IReadOnlyList<SafeHandle>? descriptors = null,
        IReadOnlyList<string>? environment = null)
    {
        var child = new ChildProcess();
        var thread = new Thread(() => child.Run(program, arguments, descriptors ?? [], environment ?? []), maxStackSize: 256 * 1024)
        {
            IsBackground = true,
            Name = "child " + Path.GetFileName(program),
        };
        thread.Start();
        try
        {
            child._pidFd = child._started.Task.GetAwaiter().GetResult();
        }
        catch
        {
            child._output.Dispose();
            throw;
        }
        return child;
    }

    /// <summary>Sends a signal. False if the child is gone already.</summary>
    public bool Signal(ProcessSignal signal) => Handle.Signal(signal);

    /// <summary>Kills the child and waits until it is gone; false if it is not within the time (it hangs in the kernel).</summary>
    public bool Kill(TimeSpan wait)
    {
        _ = Handle.Signal(ProcessSignal.Kill);
        return Handle.WaitForExit(wait);
    }

    /// <summary>Kills the child if it still runs, and frees what it wrote.</summary>
    public void Dispose()
    {
        if (_pidFd is not { } pidFd)
            return;
        // The waiting thread reaps it, now or whenever the kernel lets go of it; the descriptor of the process may be closed before.
        _ = pidFd.Signal(ProcessSignal.Kill);
        pidFd.Dispose();
        _output.Dispose();
        _pidFd = null;
    }

    private void Run(string program, IReadOnlyList<string> arguments, IReadOnlyList<SafeHandle> descriptors,
        IReadOnlyList<string> environment)
    {
        int processId;
        try
        {
            processId = Spawn(program, arguments, descriptors, environment);
            _started.SetResult(PidFd.Open(processId));      // not yet reaped, so the number is still its own
        }
        catch (Exception e)
        {
            _started.SetException(e);
            return;
        }
        _exited.SetResult(Reap(processId));
    }

    private int Spawn(string program, IReadOnlyList<string> arguments, IReadOnlyList<SafeHandle> descriptors,
        IReadOnlyList<string> environment)
    {
        int count = descriptors.Count;
        using var nullInput = File.OpenHandle("/dev/null");
        var copies = new List<int>(count + 2);
        nint argv = 0, envp = 0;
        byte* actions = stackalloc byte[OpaqueBytes];
        byte* attributes = stackalloc byte[OpaqueBytes];
        byte* signals = stackalloc byte[OpaqueBytes];
        Require(Interop.posix_spawn_file_actions_init(actions));
        Require(Interop.posix_spawnattr_init(attributes));
        try
        {
            // Copies above all targets first: a source may have the number of another one's target.
            copies.Add(CopyAbove(nullInput, FirstDescriptor + count));
            copies.Add(CopyAbove(_output.File, FirstDescriptor + count));
            foreach (SafeHandle descriptor in descriptors)
                copies.Add(CopyAbove(descriptor, FirstDescriptor + count));
            Require(Interop.posix_spawn_file_actions_adddup2(actions, copies[0], 0));
            Require(Interop.posix_spawn_file_actions_adddup2(actions, copies[1], 1));
            Require(Interop.posix_spawn_file_actions_adddup2(actions, copies[1], 2));
            for (int i = 0; i < count; i++)
                Require(Interop.posix_spawn_file_actions_adddup2(actions, copies[2 + i], FirstDescriptor + i));
            Require(Interop.posix_spawn_file_actions_addclosefrom_np(actions, FirstDescriptor + count));

            const short SETPGROUP = 2, SETSIGDEF = 4, SETSIGMASK = 8;
            Require(Interop.posix_spawnattr_setflags(attributes, SETPGROUP | SETSIGDEF | SETSIGMASK));
            Require(Interop.posix_spawnattr_setpgroup(attributes, 0));
            _ = Interop.sigfillset(signals);
            Require(Interop.posix_spawnattr_setsigdefault(attributes, signals));
            _ = Interop.sigemptyset(signals);
            Require(Interop.posix_spawnattr_setsigmask(attributes, signals));

            argv = NativeStrings([program, .. arguments]);
            envp = NativeStrings(environment);
            nint path = *(nint*)argv;
            int processId;
            int error = Interop.posix_spawn(&processId, (byte*)path, actions, attributes, (byte**)argv, (byte**)envp);
            if (error != 0)
                throw new VmPodException(ExitCode.Missing, $"{program} cannot be started: {new Win32Exception(error).Message}.");
            return processId;
        }
        finally
        {
            FreeStrings(argv);
            FreeStrings(envp);
            _ = Interop.posix_spawnattr_destroy(attributes);
            _ = Interop.posix_spawn_file_actions_destroy(actions);
            foreach (int copy in copies)
                _ = Interop.close(copy);
        }
    }

    private static int CopyAbove(SafeHandle descriptor, int lowest)
    {
        const int F_DUPFD_CLOEXEC = 1030;
        int copy = Interop.fcntl(descriptor, F_DUPFD_CLOEXEC, lowest);
        return copy < 0 ? throw Libc.Failure("fcntl") : copy;
    }

    private static int Reap(int processId)
    {
        const int P_PID = 1, WEXITED = 4, CLD_EXITED = 1;
        byte* info = stackalloc byte[OpaqueBytes];
        while (Interop.waitid(P_PID, (uint)processId, info, WEXITED) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interop.EINTR)
                return -1;
        }
        // siginfo_t of Linux, 64-bit: int si_signo, si_errno, si_code, pad; then si_pid, si_uid, si_status.
        int code = ((int*)info)[2], status = ((int*)info)[6];
        return code == CLD_EXITED ? status : 128 + status;
    }

    private static void Require(int error)
    {
        if (error != 0)
            throw new IOException($"posix_spawn cannot be prepared: {new Win32Exception(error).Message}", error);
    }

    /// <summary>A null-terminated array of null-terminated UTF-8 strings.</summary>
    private static nint NativeStrings(IReadOnlyList<string> strings)
    {
        if (strings.Any(s => s.Contains('\0', StringComparison.Ordinal)))
            throw new ArgumentException("An argument holds a null character.");
        var array = (nint*)NativeMemory.AllocZeroed((nuint)strings.Count + 1, (nuint)sizeof(nint));
        for (int i = 0; i < strings.Count; i++)
            array[i] = Marshal.StringToCoTaskMemUTF8(strings[i]);
        return (nint)array;
    }

    private static void FreeStrings(nint strings)
    {
        if (strings == 0)
            return;
        var array = (nint*)strings;
        for (int i = 0; array[i] != 0; i++)
            Marshal.FreeCoTaskMem(array[i]);
        NativeMemory.Free(array);
    }
}
