using System.Security.Cryptography;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Cells;

/// <summary>
/// Which positions of a disk's segments were freed (V-161): a slot names one by its hash, so that a hole is told from damage. Immutable. It is of one disk,
/// as positions are, and unsigned, as slots are.
/// </summary>
/// <remarks>Layout: "VPF1", vault id 16, hash of the head that it was made for 32, positions u64, freed ones u64, a bit for each position (position 0 the
/// lowest of the first byte), SHA-256 of all before.</remarks>
internal sealed class FreeMap
{
    private const int HeaderBytes = 4 + 16 + Digest.Size + 2 * sizeof(ulong);

    // 10^9 positions are 128 MB of bits: the most that a vault may have.
    private const long FileBytesMax = HeaderBytes + (long)StoreLimits.SegmentsMax * StoreLimits.SegmentCells / 8 + Digest.Size;

    private readonly byte[] _bits;

    private FreeMap(long positions, byte[] bits, Digest head, Digest hash)
    {
        (Positions, _bits, Head, Hash) = (positions, bits, head, hash);
        foreach (byte b in bits)
            Count += System.Numerics.BitOperations.PopCount(b);
    }

    /// <summary>Nothing is freed; no slot names it.</summary>
    internal static FreeMap None { get; } = new(0, [], Digest.Zero, Digest.Zero);

    /// <summary>Positions that it speaks of; those beyond are not freed.</summary>
    internal long Positions { get; }

    /// <summary>Freed ones.</summary>
    internal long Count { get; }

    /// <summary>The hash of the head that it was committed with.</summary>
    internal Digest Head { get; }

    /// <summary>What a slot names it by; zero for <see cref="None"/>.</summary>
    internal Digest Hash { get; }

    internal bool Contains(long position) => position < Positions && (_bits[position >> 3] >> (int)(position & 7) & 1) != 0;

    /// <summary>Freed positions from <paramref name="from"/> up to but not including <paramref name="to"/> as runs: first, and count.</summary>
    internal IEnumerable<(long First, int Count)> Runs(long from, long to)
    {
        for (long position = from; position < to; position++)
        {
            long first = position;
            while (position < to && Contains(position))
                position++;
            if (position > first)
                yield return (first, (int)(position - first));
        }
    }

    /// <summary>The map with more positions freed, committed with the head of this hash, and that file's bytes.</summary>
    internal (FreeMap Map, byte[] File) With(IEnumerable<long> positions, long cells, UInt128 vaultId, Digest head)
    {
        var bits = new byte[(cells + 7) / 8];
        _bits.CopyTo(bits, 0);
        foreach (long position in positions)
            bits[position >> 3] |= (byte)(1 << (int)(position & 7));
        long count = bits.Sum(b => (long)System.Numerics.BitOperations.PopCount(b));
        var writer = new ByteWriter().Bytes("VPF1"u8).UInt128(vaultId).Hash(head).UInt64((ulong)cells).UInt64((ulong)count).Bytes(bits);
        byte[] hash = SHA256.HashData(writer.Written);
        return (new FreeMap(cells, bits, head, Digest.ReadFrom(hash)), [.. writer.Written, .. hash]);
    }

    /// <summary>Reads a map; null unless it is whole and this vault's.</summary>
    internal static FreeMap? TryOpen(StoreDisk disk, string name, UInt128 vaultId)
    {
        try
        {
            using var file = disk.Open(name);
            if (file is null)
                return null;
            long length = RandomAccess.GetLength(file);
            if (length is < HeaderBytes + Digest.Size or > FileBytesMax)
                return null;
            var bytes = new byte[length];
            return StoreDisk.Read(file, bytes, 0) == length ? TryParse(bytes, vaultId) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Reads a map; null unless it is exactly what <see cref="With"/> writes.</summary>
    internal static FreeMap? TryParse(ReadOnlySpan<byte> bytes, UInt128 vaultId)
    {
        if (bytes.Length < HeaderBytes + Digest.Size)
            return null;
        var reader = new ByteReader(bytes);
        reader.Require(reader.Bytes(4).SequenceEqual("VPF1"u8) && reader.UInt128() == vaultId);
        var head = reader.Hash();
        ulong positions = reader.UInt64(), count = reader.UInt64();
        reader.Require(positions <= (ulong)StoreLimits.SegmentsMax * StoreLimits.SegmentCells
            && bytes.Length == HeaderBytes + (long)(positions + 7) / 8 + Digest.Size);
        if (reader.Failed)
            return null;
        var bits = reader.Bytes((int)((positions + 7) / 8)).ToArray();
        byte[] hash = SHA256.HashData(bytes[..^Digest.Size]);
        if (!bytes[^Digest.Size..].SequenceEqual(hash) || (positions % 8 != 0 && bits[^1] >> (int)(positions % 8) != 0))
            return null;
        var map = new FreeMap((long)positions, bits, head, Digest.ReadFrom(hash));
        return (ulong)map.Count == count ? map : null;
    }
}
