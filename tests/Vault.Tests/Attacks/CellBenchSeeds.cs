using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Tests.Attacks;

/// <summary>Plaintexts of cells that are small once their padding is left out: seeds for the fuzzer.</summary>
internal static class CellBenchSeeds
{
    internal static IEnumerable<byte[]> Contents()
    {
        var context = new CellContext(CellBench.Session, 9, 7, 0);
        yield return Trimmed(CellBench.Plaintext(context, (1, 0, Codec.Raw, 3, [1, 2, 3])));
        yield return Trimmed(CellBench.Plaintext(context, (1, 5, Codec.Raw, 2, [1, 2]), (2, 9, Codec.Zstd, 4096, [7, 7, 7, 7, 7])));
        yield return Trimmed(CellBench.Plaintext(context, (1, 5, Codec.PageRef, 65_536, [1, 2, 3, 4]), (1, 6, Codec.Patch, 65_536, [5, 6, 7]),
            (3, 0, Codec.Delta, 900, [8, 8])));
    }

    private static byte[] Trimmed(byte[] work)
    {
        ReadOnlySpan<byte> plaintext = work.AsSpan(CellLayout.HeaderBytes);
        return plaintext[..(plaintext.LastIndexOfAnyExcept((byte)0) + 1)].ToArray();
    }
}
