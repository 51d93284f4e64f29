namespace VmPod.HostGuard.Machine;

/// <summary>Every bound of the driver, with its reason.</summary>
public static class MachineLimits
{
    /// <summary>pc-i440fx without a second socket; more was never measured.</summary>
    public const int CpusMax = 16;

    /// <summary>A Debian guest boots in this much.</summary>
    public const long MemoryBytesMin = 64L << 20;

    /// <summary>The largest RAM file the vault's memory stream was designed for.</summary>
    public const long MemoryBytesMax = 256L << 30;

    /// <summary>Guest RAM is a multiple of this: `-m` counts in MiB, the vault in 64 KiB chunks.</summary>
    public const long MemoryBytesUnit = 1L << 20;

    /// <summary>Device state: 0.4 MB measured, 0.9 with many devices, 2.3 with UEFI firmware.</summary>
    public const long StateBytesMax = 64L << 20;

    /// <summary>One QMP message. The longest one that VmPod asks for has under 4 KiB; a compromised QEMU may send anything.</summary>
    public const int QmpMessageBytesMax = 1 << 20;

    /// <summary>Nesting of a QMP message; QEMU's own replies stay under 8.</summary>
    public const int QmpDepthMax = 32;

    /// <summary>Events kept for a reader that is behind; beyond it the oldest are dropped: a guest can reset in a loop.</summary>
    public const int EventsMax = 256;

    /// <summary>sockaddr_un holds 108 bytes, the last one zero.</summary>
    public const int SocketPathBytesMax = 107;

    /// <summary>From exec to QMP's greeting: 40 ms measured; the rest is for a busy machine.</summary>
    public static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);

    /// <summary>A reply of QMP: under 10 ms measured, but device state may wait for RAM pages over a slow link.</summary>
    public static readonly TimeSpan ReplyTimeout = TimeSpan.FromSeconds(60);

    /// <summary>From SIGKILL to the process being gone, if nothing holds it in the kernel.</summary>
    public static readonly TimeSpan KillTimeout = TimeSpan.FromSeconds(5);
}
