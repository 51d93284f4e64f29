using System.Numerics;

namespace VmPod.Vault.Format.Store;

/// <summary>
/// The right edge of the log's RFC 6962 tree (a "compact range" from 0): one hash for each full subtree, from the left, largest first.
/// Enough to append and to know the root; at most 64 hashes whatever the length of the log. Immutable.
/// </summary>
public sealed class LogFrontier : IEquatable<LogFrontier>
{
    private readonly Digest[] _hashes;

    private LogFrontier(long count, Digest[] hashes) => (Count, _hashes) = (count, hashes);

    /// <summary>The tree without leaves.</summary>
    public static LogFrontier Empty { get; } = new(0, []);

    /// <summary>Leaves of the tree.</summary>
    public long Count { get; }

    /// <summary>The subtree hashes: as many as <see cref="Count"/> has bits set.</summary>
    public ReadOnlySpan<Digest> Hashes => _hashes;

    /// <summary>A frontier from its parts.</summary>
    /// <exception cref="ArgumentException">The number of hashes is not the number of bits of <paramref name="count"/>.</exception>
    public static LogFrontier From(long count, ReadOnlySpan<Digest> hashes)
    {
        if (count < 0 || hashes.Length != BitOperations.PopCount((ulong)count))
            throw new ArgumentException("A frontier has one hash for each bit of its count.", nameof(hashes));
        return new(count, hashes.ToArray());
    }

    /// <summary>The hash of two children (RFC 6962, 2.1).</summary>
    public static Digest Node(Digest left, Digest right)
    {
        Span<byte> both = stackalloc byte[2 * Digest.Size];
        left.WriteTo(both);
        right.WriteTo(both[Digest.Size..]);
        return DomainHash.Of(DomainHash.LogNode, both);
    }

    /// <summary>The frontier with one more leaf.</summary>
    public LogFrontier Append(Digest leaf)
    {
        int merges = BitOperations.TrailingZeroCount(~Count);
        var hash = leaf;
        for (int i = 0; i < merges; i++)
            hash = Node(_hashes[_hashes.Length - 1 - i], hash);
        var hashes = new Digest[_hashes.Length - merges + 1];
        _hashes.AsSpan(0, hashes.Length - 1).CopyTo(hashes);
        hashes[^1] = hash;
        return new(Count + 1, hashes);
    }

    /// <summary>The root of the tree: SHA-256 of nothing for the empty one (RFC 6962, 2.1).</summary>
    public Digest Root()
    {
        if (_hashes.Length == 0)
            return Digest.ReadFrom(System.Security.Cryptography.SHA256.HashData([]));
        var root = _hashes[^1];
        for (int i = _hashes.Length - 2; i >= 0; i--)
            root = Node(_hashes[i], root);
        return root;
    }

    /// <inheritdoc/>
    public bool Equals(LogFrontier? other) => other is not null && Count == other.Count && Hashes.SequenceEqual(other.Hashes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LogFrontier);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Count, _hashes.Length == 0 ? default : _hashes[^1]);
}
