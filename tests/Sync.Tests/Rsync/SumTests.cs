using CsCheck;
using VmPod.Sync.Rsync;
using VmPod.Sync.Rsync.Sums;
using Xunit;

namespace VmPod.Sync.Tests.Rsync;

public sealed class SumTests
{
    [Fact]
    [Trait("Spec", "S-142")]
    public void A_sum_that_rolled_is_that_of_the_window_made_anew() =>
        Gen.Select(Gen.Byte.Array[300, 2000], Gen.Int[1, 256], Gen.Bool).Sample((bytes, window, isPrime) =>
            isPrime ? Rolls(new PrimeRolling(window), RollingChecksum.Adler32V3, bytes, window)
                : Rolls(new BinaryRolling(window), RollingChecksum.Adler32, bytes, window), iter: 500);

    [Fact]
    [Trait("Spec", "S-142")]
    public void Sums_of_sixteen_bytes_at_a_step_are_those_of_one_at_a_step() =>
        Gen.Select(Gen.Byte.Array[0, 12_000], Gen.Bool).Sample((bytes, isAllOnes) =>
        {
            if (isAllOnes)
                bytes.AsSpan().Fill(0xFF);                  // what comes nearest to outgrowing 32 bits
            return BlockSums.Rolling(RollingChecksum.Adler32V3, bytes) == OneAtATime(bytes, 65_521)
                && BlockSums.Rolling(RollingChecksum.Adler32, bytes) == OneAtATime(bytes, 65_536);
        }, iter: 300);

    private static bool Rolls<TRolling>(TRolling rolling, RollingChecksum kind, byte[] bytes, int window)
        where TRolling : struct, IRolling
    {
        rolling.Start(bytes.AsSpan(0, window));
        for (int at = 0; at + window < bytes.Length; at++)
        {
            if (rolling.Value != BlockSums.Rolling(kind, bytes.AsSpan(at, window)))
                return false;
            rolling.Roll(bytes[at], bytes[at + window]);
        }
        return true;
    }

    private static uint OneAtATime(byte[] bytes, uint modulus)
    {
        (uint a, uint b) = (1, 0);
        foreach (byte x in bytes)
        {
            a = (a + x) % modulus;
            b = (b + a) % modulus;
        }
        return b << 16 | a;
    }
}
