using System.Security.Cryptography;

namespace VmPod.Vault.Format;

/// <summary>SHA-256 with a first byte that says what is hashed, so that no value of one kind can stand for another (rule 31).</summary>
public static class DomainHash
{
    /// <summary>A cell, or an entry of the log: the leaf of RFC 6962.</summary>
    public const byte Leaf = 0x00;

    /// <summary>An inner node of the log's tree: the node of RFC 6962.</summary>
    public const byte LogNode = 0x01;

    /// <summary>A list of ids in the live set.</summary>
    public const byte LiveList = 0x02;

    /// <summary>An inner node of the live set.</summary>
    public const byte LiveNode = 0x03;

    /// <summary>A list of ids in the tree by which two stores find their difference; never stored (sync/SPEC.md, S-121).</summary>
    public const byte DifferenceList = 0x04;

    /// <summary>An inner node of that tree.</summary>
    public const byte DifferenceNode = 0x05;

    // One context a thread: making one costs more than hashing a small node.
    [ThreadStatic]
    private static IncrementalHash? t_hash;

    private static IncrementalHash Hash => t_hash ??= IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>SHA-256(domain || data).</summary>
    public static Digest Of(byte domain, ReadOnlySpan<byte> data)
    {
        var hash = Hash;
        hash.AppendData([domain]);
        hash.AppendData(data);
        return Finish(hash);
    }

    /// <summary>The hash of a log entry: SHA-256(0x00 || type || payload) (V-46).</summary>
    public static Digest OfEntry(byte type, ReadOnlySpan<byte> payload)
    {
        var hash = Hash;
        hash.AppendData([Leaf, type]);
        hash.AppendData(payload);
        return Finish(hash);
    }

    private static Digest Finish(IncrementalHash hash)
    {
        Span<byte> value = stackalloc byte[Digest.Size];
        _ = hash.GetHashAndReset(value);
        return Digest.ReadFrom(value);
    }
}
