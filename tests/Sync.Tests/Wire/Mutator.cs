using System.Buffers.Binary;

namespace VmPod.Sync.Tests.Wire;

/// <summary>Changes bytes as a careless or hostile writer would, the same way for the same seed.</summary>
internal sealed class Mutator(ulong seed)
{
    private static readonly uint[] Numbers =
        [0, 1, 2, 3, 63, 64, 65, 127, 128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x10000, int.MaxValue, 0x8000_0000, uint.MaxValue];
    private readonly byte[] work = new byte[256 * 1024];
    private ulong state = seed;

    internal ReadOnlySpan<byte> Mutate(ReadOnlySpan<byte> from, ReadOnlySpan<byte> other)
    {
        from.CopyTo(work);
        int length = from.Length;
        for (int changes = 1 + Below(3); changes > 0; changes--)
        {
            int at = Below(length + 1);
            switch (Below(8))
            {
                case 0 when at < length:
                    work[at] ^= (byte)(1 << Below(8));
                    break;
                case 1 when at < length:
                    work[at] = (byte)Numbers[Below(10)];
                    break;
                case 2 when at + 4 <= length:
                    BinaryPrimitives.WriteUInt32BigEndian(work.AsSpan(at), Numbers[Below(Numbers.Length)]);
                    break;
                case 3 when at + 2 <= length:
                    BinaryPrimitives.WriteUInt16BigEndian(work.AsSpan(at), (ushort)(Numbers[Below(Numbers.Length)] & 0xFFFF));
                    break;
                case 4:
                    length = at;
                    break;
                case 5:
                    int added = 1 + Below(40);
                    for (int i = 0; i < added; i++)
                        work[length++] = (byte)(Next() & 0xFF);
                    break;
                case 6 when other.Length > 0:
                    int begin = Below(other.Length), count = Math.Min(other.Length - begin, work.Length / 2 - at);
                    other.Slice(begin, count).CopyTo(work.AsSpan(at));
                    length = Math.Max(length, at + count);
                    break;
                case 7 when at < length:
                    int removed = Math.Min(1 + Below(8), length - at);
                    work.AsSpan(at + removed, length - at - removed).CopyTo(work.AsSpan(at));
                    length -= removed;
                    break;
                default:
                    break;
            }
        }
        return work.AsSpan(0, length);
    }

    private int Below(int bound) => (int)(Next() % (ulong)bound);

    /// <summary>SplitMix64.</summary>
    private ulong Next()
    {
        unchecked
        {
            state += 0x9E3779B97F4A7C15;
            ulong z = state;
            z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
            z = (z ^ z >> 27) * 0x94D049BB133111EB;
            return z ^ z >> 31;
        }
    }
}
