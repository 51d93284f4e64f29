using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VmPod.Foundation.Processes;

/// <summary>
/// A process by descriptor (pidfd_open(2), Linux 5.3): a signal through it can never reach a later process that got the same number.
/// Owns the descriptor, not the process.
/// </summary>
public sealed class PidFd : IDisposable
{
    // The same numbers on x86-64 and arm64 (asm-generic/unistd.h); glibc has wrappers only since 2.36.
    private const int NrPidfdSendSignal = 424;
    private const int NrPidfdOpen = 434;

    private readonly SafeFileHandle _handle;

    private PidFd(int processId, SafeFileHandle handle)
    {
        ProcessId = processId;
        _handle = handle;
    }

    /// <summary>The process's number in our own pid namespace.</summary>
    public int ProcessId { get; }

    /// <summary>Opens a process.</summary>
    /// <exception cref="IOException">There is no such process (any more).</exception>
    public static PidFd Open(int processId)
    {
        long fd = Interop.syscall(NrPidfdOpen, processId, 0, 0, 0);
        return fd < 0 ? throw Libc.Failure("pidfd_open") : new PidFd(processId, new SafeFileHandle((nint)fd, ownsHandle: true));
    }

    /// <summary>Sends a signal. False if the process is gone already.</summary>
    /// <exception cref="IOException">The kernel refused (another user's process).</exception>
    public bool Signal(ProcessSignal signal)
    {
        bool added = false;
        try
        {
            _handle.DangerousAddRef(ref added);
            if (Interop.syscall(NrPidfdSendSignal, _handle.DangerousGetHandle(), (int)signal, 0, 0) == 0)
                return true;
            return Marshal.GetLastPInvokeError() == Interop.ESRCH ? false : throw Libc.Failure("pidfd_send_signal");
        }
        finally
        {
            if (added)
                _handle.DangerousRelease();
        }
    }

    /// <summary>Waits until the process has ended (all its threads; it may still be a zombie). False when the time is over first.</summary>
    public unsafe bool WaitForExit(TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        bool added = false;
        try
        {
            _handle.DangerousAddRef(ref added);
            var poll = new Interop.PollFd { fd = (int)_handle.DangerousGetHandle(), events = Interop.POLLIN };
            while (true)
            {
                TimeSpan left = timeout - Stopwatch.GetElapsedTime(start);
                int ready = Interop.poll(&poll, 1, (int)Math.Clamp(Math.Ceiling(left.TotalMilliseconds), 0, int.MaxValue));
                if (ready > 0)
                    return true;
                if (ready == 0)
                    return false;
                if (Marshal.GetLastPInvokeError() != Interop.EINTR)
                    throw Libc.Failure("poll");
            }
        }
        finally
        {
            if (added)
                _handle.DangerousRelease();
        }
    }

    /// <summary>Closes the descriptor; the process goes on.</summary>
    public void Dispose() => _handle.Dispose();
}
