using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Secrets;

/// <summary>A terminal that neither echoes nor edits nor turns Ctrl-C into a signal, until this is disposed.</summary>
/// <remarks>
/// Signals are off so that an interrupted prompt cannot leave the person's shell without echo; Ctrl-C arrives as a byte.
/// Line editing is off so that the kernel's line buffer does not hold the secret for longer than one key.
/// </remarks>
internal sealed unsafe class TerminalEcho : IDisposable
{
    private readonly SafeFileHandle terminal;
    private readonly Interop.Termios before;

    internal TerminalEcho(SafeFileHandle terminal)
    {
        this.terminal = terminal;
        Interop.Termios state;
        if (Interop.tcgetattr(terminal, &state) != 0)
            throw Libc.Failure("tcgetattr");
        before = state;
        state.LocalFlags &= ~(Interop.ECHO | Interop.ECHONL | Interop.ICANON | Interop.ISIG);
        state.Control[Interop.VMIN] = 1;
        state.Control[Interop.VTIME] = 0;
        if (Interop.tcsetattr(terminal, Interop.TCSAFLUSH, &state) != 0)
            throw Libc.Failure("tcsetattr");
    }

    /// <summary>Puts the terminal back as it was.</summary>
    public void Dispose()
    {
        Interop.Termios state = before;
        _ = Interop.tcsetattr(terminal, Interop.TCSAFLUSH, &state);
    }
}
