using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using static VmPod.Vault.Snapshots.Containers.Deflate.DeflateTables;

namespace VmPod.Vault.Snapshots.Containers.Deflate;

/// <summary>
/// Makes the very bytes that zlib 1.2 makes (compress2: one call, window 2^15, memory level 8, default strategy), on every machine and for good.
/// One for each thread.
/// </summary>
/// <remarks>
/// The runtime's own deflate is zlib-ng, whose bytes differ from zlib's and from one version to the next; a system's libz is either of them. What
/// a file of a stranger was made of can only be made again by code that never changes, so it is here, after the algorithm of zlib's deflate.c: chains of
/// hashes of three bytes, lazy matches from level 4 on. tests/Vault.Tests/Vmdk compares it with zlib. Even its slips count: the first byte of
/// the window is never matched, since its place is zero, "none".
/// </remarks>
internal sealed unsafe class ZlibCompressor : IDisposable
{
    private const int WindowBytes = 1 << 15, WindowMask = WindowBytes - 1, HashMask = (1 << 15) - 1;
    private const int MinLookahead = MaxMatch + MinMatch + 1, DistanceMax = WindowBytes - MinLookahead;

    // A match of three bytes further away than this costs more than three literals.
    private const int TooFar = 4096;

    private readonly DeflateBlocks blocks = new();
    private readonly ushort[] head = GC.AllocateArray<ushort>(HashMask + 1, pinned: true), previous = GC.AllocateArray<ushort>(WindowBytes, pinned: true);
    private readonly ushort* heads, links;

    // The input, while it is pinned. All places are below end, and those of end and origin together below the input's length.
    private byte* input;

    // All places are relative to origin, where zlib's window begins; end is where its window's bytes end.
    private int origin, start, end, blockStart, matchStart;
    private long steps;

    /// <summary>Makes one; its tables do not move.</summary>
    public ZlibCompressor()
    {
        heads = (ushort*)Unsafe.AsPointer(ref head[0]);
        links = (ushort*)Unsafe.AsPointer(ref previous[0]);
    }

    /// <summary>Bytes that the output of this many bytes can have.</summary>
    public static int Bound(int length) => length + length / 1000 + 64;

    /// <summary>Compresses. The length, or -1 if that took more steps than allowed, or does not fit.</summary>
    /// <param name="plain">The bytes.</param>
    /// <param name="level">1 to 9.</param>
    /// <param name="into">At least <see cref="Bound"/> bytes.</param>
    /// <param name="stepsMax">How many candidates for matches may be looked at.</param>
    public int Compress(ReadOnlySpan<byte> plain, int level, Span<byte> into, long stepsMax = long.MaxValue)
    {
        const int Method = 0x78, ChecksumBytes = 4;
        uint flags = (uint)(Method << 8 | (level < 2 ? 0 : level < 6 ? 1 : level == 6 ? 2 : 3) << 6);
        flags += 31 - flags % 31;
        BinaryPrimitives.WriteUInt16BigEndian(into, (ushort)flags);
        var bits = new BitWriter(into[2..^ChecksumBytes]);
        Array.Clear(head);
        (origin, start, end, blockStart, matchStart, steps) = (0, 0, 0, 0, 0, stepsMax);
        blocks.Reset();
        bool done;
        fixed (byte* pinned = plain)
        {
            input = pinned;
            done = DeflateTables.Level(level) is var how && how.IsLazy ? Lazy(plain, how, ref bits) : Fast(plain, how, ref bits);
            input = null;
        }
        if (!done || bits.Overflow)
            return -1;
        BinaryPrimitives.WriteUInt32BigEndian(into[(2 + bits.Length)..], Adler32(plain));
        return 2 + bits.Length + ChecksumBytes;
    }

    /// <inheritdoc/>
    public void Dispose() => blocks.Dispose();

    private bool Lazy(ReadOnlySpan<byte> plain, DeflateLevel how, ref BitWriter bits)
    {
        int length = MinMatch - 1;
        bool waits = false;
        while (Fill(plain))
        {
            byte* window = input + origin;
            int lookahead = end - start, candidate = lookahead >= MinMatch ? Insert(window, start) : 0;
            (int lengthBefore, int matchBefore) = (length, matchStart);
            length = MinMatch - 1;
            if (candidate != 0 && lengthBefore < how.Lazy && start - candidate <= DistanceMax)
            {
                length = LongestMatch(window, candidate, lengthBefore, lookahead, how);
                if (length == MinMatch && start - matchStart > TooFar)
                    length = MinMatch - 1;
            }
            if (lengthBefore >= MinMatch && length <= lengthBefore)
            {
                int insertMax = start + lookahead - MinMatch;
                bool isFull = blocks.Match(start - 1 - matchBefore, lengthBefore);
                for (int left = lengthBefore - 2; left > 0; left--)
                {
                    if (++start <= insertMax)
                        _ = Insert(window, start);
                }
                (waits, length) = (false, MinMatch - 1);
                start++;
                if (isFull)
                    Flush(plain, ref bits, last: false);
            }
            else if (waits)
            {
                if (blocks.Literal(window[start - 1]))
                    Flush(plain, ref bits, last: false);
                start++;
            }
            else
            {
                waits = true;
                start++;
            }
            if (steps < 0)
                return false;
        }
        if (waits)
            _ = blocks.Literal(plain[origin + start - 1]);
        Flush(plain, ref bits, last: true);
        return true;
    }

    private bool Fast(ReadOnlySpan<byte> plain, DeflateLevel how, ref BitWriter bits)
    {
        while (Fill(plain))
        {
            byte* window = input + origin;
            int lookahead = end - start, candidate = lookahead >= MinMatch ? Insert(window, start) : 0, length = 0;
            if (candidate != 0 && start - candidate <= DistanceMax)
                length = LongestMatch(window, candidate, MinMatch - 1, lookahead, how);
            bool isFull;
            if (length >= MinMatch)
            {
                isFull = blocks.Match(start - matchStart, length);
                if (length <= how.Lazy && lookahead - length >= MinMatch)
                {
                    for (int left = length - 1; left > 0; left--)
                        _ = Insert(window, ++start);
                    start++;
                }
                else
                {
                    start += length;
                }
            }
            else
            {
                isFull = blocks.Literal(window[start]);
                start++;
            }
            if (isFull)
                Flush(plain, ref bits, last: false);
            if (steps < 0)
                return false;
        }
        Flush(plain, ref bits, last: true);
        return true;
    }

    // zlib's fill_window: when little is left ahead the upper half of the window moves down, and it is filled up. False at the end.
    private bool Fill(ReadOnlySpan<byte> plain)
    {
        while (end - start < MinLookahead)
        {
            if (start >= WindowBytes + DistanceMax)
                Slide();
            int more = Math.Min(plain.Length - origin, 2 * WindowBytes) - end;
            if (more == 0)
                break;
            end += more;
        }
        return end > start;
    }

    private void Slide()
    {
        origin += WindowBytes;
        start -= WindowBytes;
        end -= WindowBytes;
        matchStart -= WindowBytes;
        blockStart -= WindowBytes;
        foreach (ushort[] table in new[] { head, previous })
        {
            for (int i = 0; i < table.Length; i++)
                table[i] = (ushort)Math.Max(0, table[i] - WindowBytes);
        }
    }

    // The caller has seen that three bytes stand there.
    private int Insert(byte* window, int place)
    {
        int hash = (window[place] << 10 ^ window[place + 1] << 5 ^ window[place + 2]) & HashMask;
        ushort candidate = heads[hash];
        links[place & WindowMask] = candidate;
        heads[hash] = (ushort)place;
        return candidate;
    }

    private int LongestMatch(byte* window, int candidate, int best, int lookahead, DeflateLevel how)
    {
        // Nothing longer can be found; zlib would compare bytes beyond the end here, and then not use what it found.
        if (best >= lookahead)
            return lookahead;
        int chain = best >= how.Good ? how.Chain >> 2 : how.Chain, nice = Math.Min(how.Nice, lookahead), limit = Math.Max(0, start - DistanceMax);
        int most = Math.Min(lookahead, MaxMatch), left = chain;
        byte* ahead = window + start;
        // The last two bytes of a match that would be longer: best is at least 2, and below the lookahead and the longest match.
        ushort tail = Unsafe.ReadUnaligned<ushort>(ahead + best - 1);
        do
        {
            byte* match = window + candidate;
            if (Unsafe.ReadUnaligned<ushort>(match + best - 1) != tail || *match != *ahead)
                continue;
            int length = CommonLength(match, ahead, most);
            if (length <= best)
                continue;
            (matchStart, best) = (candidate, length);
            if (length >= nice)
                break;
            tail = Unsafe.ReadUnaligned<ushort>(ahead + best - 1);
        }
        while ((candidate = links[candidate & WindowMask]) > limit && --left != 0);
        steps -= chain - left + 1;
        return best;
    }

    // Little-endian, as all machines are that this runs on: the first byte is the lowest.
    private static int CommonLength(byte* a, byte* b, int most)
    {
        int length = 0;
        for (; length + sizeof(ulong) <= most; length += sizeof(ulong))
        {
            ulong differs = Unsafe.ReadUnaligned<ulong>(a + length) ^ Unsafe.ReadUnaligned<ulong>(b + length);
            if (differs != 0)
                return length + BitOperations.TrailingZeroCount(differs) / 8;
        }
        while (length < most && a[length] == b[length])
            length++;
        return length;
    }

    private void Flush(ReadOnlySpan<byte> plain, ref BitWriter bits, bool last)
    {
        blocks.Flush(ref bits, plain[(origin + blockStart)..(origin + start)], mayStore: blockStart >= 0, last);
        blockStart = start;
    }

    private static uint Adler32(ReadOnlySpan<byte> bytes)
    {
        // The most bytes whose sums fit 32 bits before they are reduced.
        const int Window = 5552;
        const uint Modulus = 65_521;
        uint a = 1, b = 0;
        while (bytes.Length > 0)
        {
            foreach (byte value in bytes[..Math.Min(Window, bytes.Length)])
            {
                a += value;
                b += a;
            }
            (a, b) = (a % Modulus, b % Modulus);
            bytes = bytes[Math.Min(Window, bytes.Length)..];
        }
        return b << 16 | a;
    }
}
