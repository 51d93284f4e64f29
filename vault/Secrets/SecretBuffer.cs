using System.Buffers;
using System.Security.Cryptography;

namespace VmPod.Secrets;

/// <summary>
/// Secret bytes of a fixed size: in locked memory outside the collected heap, left out of core dumps, zeroed when disposed.
/// </summary>
/// <remarks>
/// Who creates it owns it and disposes it. <see cref="Bytes"/> is lent: a span must not outlive the buffer, so keep the buffer in a
/// <c>using</c> (or a field) around every use. The finaliser zeroes what was forgotten.
/// Disposing while another thread uses the span is a bug, as with any memory; disposing twice is not.
/// It is no record, converts to nothing and serialises to nothing, so that a log or a debugger shows the type and the length, never the
/// bytes.
/// Cost: 128 keys of 32 bytes share a page (<see cref="SecretArena"/>).
/// </remarks>
public sealed class SecretBuffer : IDisposable
{
    private readonly SecretSlot slot;
    private int disposed;

    private SecretBuffer(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, SecretLimits.BufferBytesMax);
        slot = SecretArena.Take(size);
        Length = size;
    }

    /// <summary>Zeroes a buffer that nobody disposed.</summary>
    ~SecretBuffer() => Release();

    /// <summary>Size in bytes.</summary>
    public int Length { get; }

    /// <summary>The secret itself, lent while this buffer lives.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed: never a zero key.</exception>
    public Span<byte> Bytes
    {
        get
        {
            ObjectDisposedException.ThrowIf(Volatile.Read(ref disposed) != 0, this);
            return Slot();
        }
    }

    /// <summary>The secret for reading only.</summary>
    /// <exception cref="ObjectDisposedException">The buffer was disposed.</exception>
    public ReadOnlySpan<byte> ReadOnlyBytes => Bytes;

    /// <summary>A new secret of <paramref name="size"/> bytes, written in place by <paramref name="fill"/>. If that throws, the memory is
    /// zeroed.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The size is not within 1 to <see cref="SecretLimits.BufferBytesMax"/>.</exception>
    /// <exception cref="Foundation.VmPodException">The process may not lock more memory (exit code 9).</exception>
    public static SecretBuffer Create(int size, SpanAction fill) => Create(size, fill, static (bytes, action) => action(bytes));

    /// <summary>As <see cref="Create(int, SpanAction)"/>, with a state for <paramref name="fill"/> that may be a span.</summary>
    public static SecretBuffer Create<TState>(int size, TState state, SpanAction<byte, TState> fill)
        where TState : allows ref struct
    {
        var buffer = new SecretBuffer(size);
        try
        {
            fill(buffer.Bytes, state);
            return buffer;
        }
        catch
        {
            buffer.Dispose();
            throw;
        }
    }

    /// <summary>A new secret from the system's random source.</summary>
    public static SecretBuffer Random(int size) => Create(size, RandomNumberGenerator.Fill);

    /// <summary>Equality in a time that depends on the lengths only.</summary>
    public bool FixedTimeEquals(ReadOnlySpan<byte> other) => CryptographicOperations.FixedTimeEquals(Bytes, other);

    /// <inheritdoc cref="FixedTimeEquals(ReadOnlySpan{byte})"/>
    public bool FixedTimeEquals(SecretBuffer other) => FixedTimeEquals(other.ReadOnlyBytes);

    /// <summary>The type and the length, never the bytes.</summary>
    public override string ToString() => $"{nameof(SecretBuffer)}({Length} bytes)";

    /// <summary>Zeroes the secret and gives the memory back. Later uses throw.</summary>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private unsafe Span<byte> Slot() => new((void*)slot.Address, Length);

    private void Release()
    {
        // A constructor that threw leaves a default slot: there is nothing to zero.
        if (Interlocked.Exchange(ref disposed, 1) == 0 && slot.Block is not null)
            SecretArena.Return(slot);
    }
}
