using System.Buffers.Binary;
using System.Security.Cryptography;
using VmPod.Secrets;

namespace VmPod.Vault.Keys;

/// <summary>What a lease's key K_lease gives: the MAC key, the key of record keys, the key of change tags, and the lease's id.</summary>
public sealed class LeaseKeys : IDisposable
{
    private readonly SecretBuffer keys;

    private LeaseKeys(SecretBuffer keys, ulong leaseId, UInt128 vaultId)
    {
        this.keys = keys;
        LeaseId = leaseId;
        VaultId = vaultId;
    }

    /// <summary>The lease's id, which is the key id in the header of its cells: derived, so it looks random.</summary>
    public ulong LeaseId { get; }

    /// <summary>The vault they belong to.</summary>
    public UInt128 VaultId { get; }

    internal ReadOnlySpan<byte> Mac => keys.ReadOnlyBytes[..32];

    internal ReadOnlySpan<byte> Record => keys.ReadOnlyBytes[32..64];

    internal ReadOnlySpan<byte> Tag => keys.ReadOnlyBytes[64..96];

    /// <summary>Derives them. The lease's id depends on the key alone.</summary>
    internal static LeaseKeys Derive(SecretBuffer leaseKey, UInt128 vaultId)
    {
        SecretBuffer keys = SecretBuffer.Create(96, static _ => { });
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "mac", vaultId, default, keys.Bytes[..32]);
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "kdf", vaultId, default, keys.Bytes[32..64]);
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "tag", vaultId, default, keys.Bytes[64..96]);
        Span<byte> id = stackalloc byte[8];
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "id", vaultId, default, id);
        return new LeaseKeys(keys, BinaryPrimitives.ReadUInt64BigEndian(id), vaultId);
    }

    /// <summary>The change tag of a chunk: HMAC-SHA-256 under the lease's tag key, cut to 128 bits (rule 32).</summary>
    public UInt128 ChangeTagOf(ReadOnlySpan<byte> chunk)
    {
        Span<byte> mac = stackalloc byte[32];
        HMACSHA256.HashData(Tag, chunk, mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    /// <summary>Zeroes the keys.</summary>
    public void Dispose() => keys.Dispose();
}
