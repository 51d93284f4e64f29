using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace VmPod.Vault.Tests.Secrets;

/// <summary>A terminal that a test types on and looks at.</summary>
internal sealed unsafe class Pty : IDisposable
{
    private readonly FileStream keyboard;
    private readonly StringBuilder screen = new();
    private readonly Thread watcher;

    // Held open, so that the device does not hang up between two uses.
    private readonly SafeFileHandle device;

    internal Pty()
    {
        int master = Interop.posix_openpt(Interop.O_RDWR | Interop.O_NOCTTY);
        Assert.True(master >= 0);
        Assert.Equal(0, Interop.grantpt(master));
        Assert.Equal(0, Interop.unlockpt(master));
        byte* name = stackalloc byte[128];
        Assert.Equal(0, Interop.ptsname_r(master, name, 128));
        Device = Marshal.PtrToStringUTF8((nint)name)!;
        device = File.OpenHandle(Device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        keyboard = new FileStream(new SafeFileHandle(master, ownsHandle: true), FileAccess.ReadWrite, bufferSize: 0);
        watcher = new Thread(Watch) { IsBackground = true };
        watcher.Start();
    }

    internal string Device { get; }

    internal string Screen
    {
        get
        {
            lock (screen)
                return screen.ToString();
        }
    }

    internal void Type(ReadOnlySpan<byte> keys) => keyboard.Write(keys);

    internal void WaitForScreen(string text) =>
        Assert.True(SpinWait.SpinUntil(() => Screen.Contains(text), 120_000), $"Never on screen: {text}");

    public void Dispose() => device.Dispose();

    // Ends with the process or when the device hangs up; the master is closed by then.
    private void Watch()
    {
        Span<byte> seen = stackalloc byte[256];
        try
        {
            for (int read; (read = keyboard.Read(seen)) > 0;)
            {
                lock (screen)
                    screen.Append(Encoding.Latin1.GetString(seen[..read]));
            }
        }
        catch (IOException)
        {
            keyboard.Dispose();
        }
    }
}
