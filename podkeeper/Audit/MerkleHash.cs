using System.Security.Cryptography;

namespace VmPod.Audit;

/// <summary>The two hashes of RFC 6962 section 2.1, 32 bytes each. The prefix keeps a leaf from passing for a node.</summary>
internal static class MerkleHash
{
    internal const int Size = SHA256.HashSizeInBytes;
    private const byte LeafPrefix = 0, NodePrefix = 1;

    /// <summary>SHA-256(0x00 | entry).</summary>
    internal static byte[] Leaf(ReadOnlySpan<byte> entry)
    {
        Span<byte> input = stackalloc byte[1 + AuditLimits.EntryBytesMax];
        input[0] = LeafPrefix;
        entry.CopyTo(input[1..]);
        return SHA256.HashData(input[..(1 + entry.Length)]);
    }

    /// <summary>SHA-256(0x01 | left | right).</summary>
    internal static byte[] Node(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        // input := { 01 | left 32 | right 32 }
        Span<byte> input = stackalloc byte[1 + 2 * Size];
        input[0] = NodePrefix;
        left.CopyTo(input[1..]);
        right.CopyTo(input[(1 + Size)..]);
        return SHA256.HashData(input);
    }
}
