using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace VmPod.Secrets;

/// <summary>termios of Linux glibc and musl, 64-bit (x86-64 and arm64 share the layout). Use <see cref="TerminalEcho"/>.</summary>
internal static unsafe partial class Interop
{
    internal const uint ISIG = 0x1;
    internal const uint ICANON = 0x2;
    internal const uint ECHO = 0x8;
    internal const uint ECHONL = 0x40;
    internal const int TCSAFLUSH = 2;
    internal const int VTIME = 5;
    internal const int VMIN = 6;

    [LibraryImport("libc", EntryPoint = "tcgetattr", SetLastError = true)]
    internal static partial int tcgetattr(SafeFileHandle fd, Termios* state);

    [LibraryImport("libc", EntryPoint = "tcsetattr", SetLastError = true)]
    internal static partial int tcsetattr(SafeFileHandle fd, int when, Termios* state);

    [StructLayout(LayoutKind.Sequential)]
    internal struct Termios
    {
        internal uint InputFlags;
        internal uint OutputFlags;
        internal uint ControlFlags;
        internal uint LocalFlags;
        internal byte Line;
        internal fixed byte Control[32];
        internal uint InputSpeed;
        internal uint OutputSpeed;
    }
}
