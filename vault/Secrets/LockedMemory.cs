using System.Security.Cryptography;
using VmPod.Foundation;

namespace VmPod.Secrets;

/// <summary>
/// One big block of locked memory for guest plaintext (cache, overlay, pipeline buffers): outside the collected heap, left out of core
/// dumps, zeroed when disposed.
/// </summary>
/// <remarks>
/// Who creates it owns it, and disposes it when no span or pointer into it is in use any more. All of it is resident from the start (mlock
/// populates), so its <see cref="Length"/> shows at once in VmLck.
/// </remarks>
public sealed unsafe class LockedMemory : IDisposable
{
    // CryptographicOperations takes spans, which end at 2 GiB.
    private const int ZeroStep = 1 << 30;

    private nint address;

    /// <summary>Maps and locks <paramref name="size"/> bytes, rounded up to whole pages, all zero.</summary>
    /// <exception cref="VmPodException">The process may not lock so much memory (exit code 9).</exception>
    public LockedMemory(long size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        long page = Environment.SystemPageSize;
        Length = (size + page - 1) / page * page;
        address = Libc.MapPrivate((nuint)Length, locked: true);
    }

    /// <summary>Zeroes a block that nobody disposed.</summary>
    ~LockedMemory() => Release();

    /// <summary>Usable and locked bytes: a multiple of the page size. What this block adds to VmLck.</summary>
    public long Length { get; }

    /// <summary>The first byte, page-aligned, for native calls. Valid until <see cref="Dispose"/>.</summary>
    public byte* Pointer => (byte*)Address;

    private nint Address
    {
        get
        {
            nint current = Volatile.Read(ref address);
            ObjectDisposedException.ThrowIf(current == 0, this);
            return current;
        }
    }

    /// <summary>A window of <paramref name="length"/> bytes from <paramref name="offset"/>, lent while this block lives.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The window is not inside the block.</exception>
    public Span<byte> Slice(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new Span<byte>(Pointer + offset, length);
    }

    /// <summary>Zeroes all of it, which stays usable: a cache is emptied by this when the pod leaves.</summary>
    public void Clear() => Zero(Address);

    /// <summary>The type and the size, never the bytes.</summary>
    public override string ToString() => $"{nameof(LockedMemory)}({Length} bytes)";

    /// <summary>Zeroes the block and returns it to the kernel. Later uses throw.</summary>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        nint mapped = Interlocked.Exchange(ref address, 0);
        if (mapped == 0)
            return;
        Zero(mapped);
        Libc.Unmap(mapped, (nuint)Length);
    }

    private void Zero(nint start)
    {
        for (long done = 0; done < Length; done += ZeroStep)
            CryptographicOperations.ZeroMemory(new Span<byte>((byte*)start + done, (int)Math.Min(ZeroStep, Length - done)));
    }
}
