using VmPod.Foundation;

namespace VmPod.Vault.Tests.Secrets;

/// <summary>32 random bytes that can be searched for in this process without holding them: only their complement by a mask is
/// kept.</summary>
internal sealed unsafe class Canary
{
    internal const int Length = 32;
    private const byte Mask = 0xA5;
    private const int StepBytes = 1 << 20;
    private readonly byte[] masked = System.Security.Cryptography.RandomNumberGenerator.GetBytes(Length);

    /// <summary>Writes the canary byte by byte, so that no other copy of it comes to be.</summary>
    internal void WriteTo(Span<byte> destination)
    {
        for (int i = 0; i < Length; i++)
            destination[i] = (byte)(masked[i] ^ Mask);
    }

    internal bool IsAt(nint address)
    {
        Span<byte> found = stackalloc byte[Length];
        ProcessMemory.Read(address, found);
        Unmask(found);
        return found.SequenceEqual(masked);
    }

    /// <summary>How often the canary stands in the writable memory of this process.</summary>
    internal int CountInWritableMemory()
    {
        int count = 0;
        nint buffer = Libc.MapPrivate(StepBytes, locked: false);
        var window = new Span<byte>((void*)buffer, StepBytes);
        foreach ((nint start, nint end) in ProcessMemory.WritableRegions())
        {
            // Windows overlap by a canary less one byte, so that none is cut in two and none is seen twice.
            for (nint at = start; at < end && buffer != start; at += StepBytes - (Length - 1))
            {
                int length = ProcessMemory.TryRead(at, window[..(int)Math.Min(StepBytes, end - at)]);
                Unmask(window[..length]);
                count += window[..length].Count(masked);
            }
        }
        window.Clear();
        Libc.Unmap(buffer, StepBytes);
        return count;
    }

    private static void Unmask(Span<byte> bytes)
    {
        foreach (ref byte b in bytes)
            b ^= Mask;
    }
}
