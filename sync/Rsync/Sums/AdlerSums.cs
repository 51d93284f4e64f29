using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace VmPod.Sync.Rsync.Sums;

/// <summary>
/// The two sums of Adler-32 (RFC 1950) over a whole block: a = 1 + all bytes, b = all values that a has had, in both moduli. Sixteen bytes at a step.
/// </summary>
internal static class AdlerSums
{
    /// <summary>The largest prime below 2^16.</summary>
    internal const uint Modulus = 65521;

    // The most bytes whose sums cannot outgrow 32 bits, of reduced ones (RFC 1950's own code calls it NMAX); a multiple of 16.
    private const int PieceBytes = 5552;

    private static Vector128<ushort> WeightsLow => Vector128.Create((ushort)16, 15, 14, 13, 12, 11, 10, 9);

    private static Vector128<ushort> WeightsHigh => Vector128.Create((ushort)8, 7, 6, 5, 4, 3, 2, 1);

    /// <summary>"Adler32V3": modulo 65,521.</summary>
    internal static uint Prime(ReadOnlySpan<byte> bytes)
    {
        (uint a, uint b) = (1, 0);
        for (; !bytes.IsEmpty; bytes = bytes[Math.Min(PieceBytes, bytes.Length)..])
        {
            Add(bytes[..Math.Min(PieceBytes, bytes.Length)], ref a, ref b);
            (a, b) = (a % Modulus, b % Modulus);
        }
        return b << 16 | a;
    }

    /// <summary>"Adler32": modulo 65,536.</summary>
    internal static uint Binary(ReadOnlySpan<byte> bytes)
    {
        (uint a, uint b) = (1, 0);
        Add(bytes, ref a, ref b);                           // what outgrows 32 bits is a multiple of the modulus
        return b << 16 | a & 0xFFFF;
    }

    // Compiled at its best from the first call on, as the search is (DeltaScan).
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Add(ReadOnlySpan<byte> bytes, ref uint a, ref uint b)
    {
        unchecked
        {
            int whole = bytes.Length & ~15;
            Vector128<uint> sums = default, before = default, weighted = default;
            for (int i = 0; i < whole; i += 16)
            {
                before += sums;
                (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.Create(bytes.Slice(i, 16)));
                sums += Wide(low + high);
                weighted += Wide(low * WeightsLow + high * WeightsHigh);
            }
            // Of n bytes, the one at j is in n - j values of a: within its sixteen by its weight, and once for each byte of the sixteens after.
            b += (uint)whole * a + 16 * Vector128.Sum(before) + Vector128.Sum(weighted);
            a += Vector128.Sum(sums);
            foreach (byte x in bytes[whole..])
            {
                a += x;
                b += a;
            }
        }
    }

    private static Vector128<uint> Wide(Vector128<ushort> values)
    {
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(values);
        return low + high;
    }
}
