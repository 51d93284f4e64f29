using System.Buffers.Binary;
using System.Security.Cryptography;
using VmPod.Secrets;

namespace VmPod.Vault.Keys;

/// <summary>What a lease's key K_lease gives: the MAC key, the key of record keys, the key of change tags, and the lease's id.</summary>
public sealed class LeaseKeys : IDisposable
{
    private readonly SecretBuffer keys;

    private LeaseKeys(SecretBuffer keys, ulong leaseId, UInt128 vaultId, byte suite)
    {
        this.keys = keys;
        Suite = suite;
        LeaseId = leaseId;
        VaultId = vaultId;
    }

    /// <summary>The lease's id, which is the key id in the header of its cells: derived, so it looks random.</summary>
    public ulong LeaseId { get; }

    /// <summary>The suite they are for, which is the vault's (<see cref="CellSuite"/>).</summary>
    public byte Suite { get; }

    /// <summary>The vault they belong to.</summary>
    public UInt128 VaultId { get; }

    internal ReadOnlySpan<byte> Mac => keys.ReadOnlyBytes[..32];

    internal ReadOnlySpan<byte> Record => keys.ReadOnlyBytes[32..64];

    internal ReadOnlySpan<byte> Tag => keys.ReadOnlyBytes[64..96];

    internal ReadOnlySpan<byte> TagHash => keys.ReadOnlyBytes[96..128];

    /// <summary>Derives them. Keys and id depend on the key and the suite alone, so a key never serves in two suites (V-115).</summary>
    internal static LeaseKeys Derive(SecretBuffer leaseKey, UInt128 vaultId, byte suite)
    {
        ReadOnlySpan<byte> context = suite == CellSuite.HmacAes ? default : [suite];
        SecretBuffer keys = SecretBuffer.Create(128, static _ => { });
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "mac", vaultId, context, keys.Bytes[..32]);
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "kdf", vaultId, context, keys.Bytes[32..64]);
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "tag", vaultId, context, keys.Bytes[64..96]);
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "tag-hash", vaultId, context, keys.Bytes[96..128]);
        Span<byte> id = stackalloc byte[8];
        KeyDerivation.Derive(leaseKey.ReadOnlyBytes, default, "id", vaultId, context, id);
        return new LeaseKeys(keys, BinaryPrimitives.ReadUInt64BigEndian(id), vaultId, suite);
    }

    /// <summary>Those of a lease of another machine's vault: the one suite whose id is the lease's. Null if there is none.</summary>
    internal static LeaseKeys? DeriveFor(SecretBuffer leaseKey, UInt128 vaultId, ulong leaseId)
    {
        foreach (byte suite in CellSuite.All)
        {
            LeaseKeys keys = Derive(leaseKey, vaultId, suite);
            if (keys.LeaseId == leaseId)
                return keys;
            keys.Dispose();
        }
        return null;
    }

    /// <summary>
    /// The change tag of a chunk under the lease's own keys, 128 bits (rule 32): HMAC-SHA-256(K_tag, GMAC(K_hash, chunk)); in suite 1 keyed BLAKE2b of the
    /// chunk, since GMAC is slow where AES has no instructions.
    /// </summary>
    /// <remarks>
    /// A PRF over an almost universal hash is a PRF (Wegman and Carter 1981; Bernstein, "How to stretch random functions", 1999). GMAC with its nonce
    /// fixed is such a hash: two chunks of 64 KiB collide with a chance of 2^-115 for who does not know the key, and its output goes nowhere but into the
    /// HMAC, so the nonce's reuse shows nothing. SHA-256 over whole chunks was more than half of the CPU time of a light save.
    /// </remarks>
    public UInt128 ChangeTagOf(ReadOnlySpan<byte> chunk)
    {
        Span<byte> nonce = stackalloc byte[12], hash = stackalloc byte[16], mac = stackalloc byte[32];
        if (Suite == CellSuite.Blake2bChaCha20)
        {
            Blake2b.HashData(Tag, chunk, mac);
            return BinaryPrimitives.ReadUInt128BigEndian(mac);
        }
        nonce.Clear();
        using (var gmac = new AesGcm(TagHash, hash.Length))
            gmac.Encrypt(nonce, default, default, hash, chunk);
        HMACSHA256.HashData(Tag, hash, mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    /// <summary>Zeroes the keys.</summary>
    public void Dispose() => keys.Dispose();
}
