using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.Foundation.Processes;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// Device state between QEMU and the vault: in memory only, at most <see cref="MachineLimits.StateBytesMax"/> (the kernel refuses more,
/// whoever writes), zeroed when disposed. It is guest plaintext: keep it short.
/// </summary>
/// <remarks>
/// For a save: Create, give <see cref="Handle"/> to QEMU, then <see cref="Length"/> and <see cref="Read"/>.
/// For a load: Create, <see cref="Append"/> until complete, <see cref="Rewind"/>, then give <see cref="Handle"/> to QEMU.
/// </remarks>
public sealed class StateFile : IDisposable
{
    /// <summary>An empty state.</summary>
    public StateFile() => Handle = MemoryFile.Create("vmpod-state", MachineLimits.StateBytesMax);

    /// <summary>What QEMU is given. Its position is shared: it says how far QEMU wrote.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Bytes of state: as far as QEMU wrote, or as was appended.</summary>
    public long Length => _length ?? MemoryFile.Position(Handle);

    private long? _length;

    /// <summary>Adds bytes at the end.</summary>
    /// <exception cref="VmPodException">More than a device state can have (exit code 5).</exception>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        if (_length is not null)
            throw new InvalidOperationException("The state is complete.");
        long at = MemoryFile.Position(Handle);
        if (bytes.Length > MachineLimits.StateBytesMax - at)
            throw new VmPodException(ExitCode.Damaged, $"The device state has more than {MachineLimits.StateBytesMax >> 20} MiB.");
        RandomAccess.Write(Handle, bytes, at);
        MemoryFile.Seek(Handle, at + bytes.Length);
    }

    /// <summary>Fixes the length at what is there and sets the position to the start, for the reader.</summary>
    public void Rewind()
    {
        _length ??= MemoryFile.Position(Handle);
        MemoryFile.Shrink(Handle, _length.Value);
        MemoryFile.Seek(Handle, 0);
    }

    /// <summary>Copies out bytes from an offset; fewer than asked for only at the end.</summary>
    public int Read(long offset, Span<byte> destination)
    {
        long left = Math.Max(0, Length - offset);
        Span<byte> wanted = destination[..(int)Math.Min(destination.Length, left)];
        int done = 0;
        while (done < wanted.Length)
        {
            int read = RandomAccess.Read(Handle, wanted[done..], offset + done);
            if (read == 0)
                break;
            done += read;
        }
        return done;
    }

    /// <summary>Zeroes the bytes, then frees them.</summary>
    public void Dispose()
    {
        if (Handle.IsClosed)
            return;
        long end = Math.Min(RandomAccess.GetLength(Handle), Length);
        Span<byte> zeros = stackalloc byte[4096];
        zeros.Clear();
        for (long at = 0; at < end; at += zeros.Length)
            RandomAccess.Write(Handle, zeros[..(int)Math.Min(zeros.Length, end - at)], at);
        MemoryFile.Shrink(Handle, 0);
        Handle.Dispose();
    }
}
