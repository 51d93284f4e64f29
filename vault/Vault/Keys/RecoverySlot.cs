using System.Buffers.Binary;
using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Words;

namespace VmPod.Vault.Keys;

/// <summary>
/// The slot that recovery words open, an entry of the log (SPEC, "Recovery"): number 4 | made ms 8 | salt 16 | commitment 32 | sealed { K_vault, seed of the
/// log key } 96 | the owner's signature 64. The one with the highest number counts.
/// </summary>
/// <remarks>
/// It wraps K_vault itself (rule 23), so that neither K_root nor a device secret is needed. No Argon2id: the words have 256 random bits, and a slow hash
/// makes nothing slower that cannot be tried at all. In the log it becomes valid, and the one before it invalid, in one step, and mirrors have it.
/// </remarks>
internal sealed record RecoverySlot(uint Number, ulong MadeMs, byte[] Salt, byte[] Commitment, byte[] Sealed, byte[] OwnerSignature)
{
    /// <summary>Bytes of a slot.</summary>
    public const int SlotBytes = 4 + 8 + SaltBytes + CommitmentBytes + SealedBytes + SigningKey.SignatureBytes;

    private const int SaltBytes = 16, CommitmentBytes = 32, SecretBytes = 2 * KeyDerivation.KeyBytes, SealedBytes = SaltBytes + SecretBytes + 16;
    private const string KeyLabel = "recovery", CommitmentLabel = "recovery-commitment", SealLabel = "recovery-keys";

    private static ReadOnlySpan<byte> SignedLabel => "vmpod/v1/recovery\0"u8;

    /// <summary>Makes a slot.</summary>
    public static RecoverySlot Create(uint number, ulong madeMs, RecoveryWords words, SecretBuffer vaultKey, SecretBuffer logSeed, SigningKey owner,
        UInt128 vaultId)
    {
        byte[] salt = RandomNumberGenerator.GetBytes(SaltBytes), commitment = new byte[CommitmentBytes], made = new byte[SealedBytes];
        Span<byte> context = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(context, number);
        KeyDerivation.Derive(words.Entropy.ReadOnlyBytes, salt, CommitmentLabel, vaultId, context, commitment);
        using SecretBuffer key = SecretBuffer.Create(KeyDerivation.KeyBytes, static _ => { });
        KeyDerivation.Derive(words.Entropy.ReadOnlyBytes, salt, KeyLabel, vaultId, context, key.Bytes);
        using SecretBuffer secrets = SecretBuffer.Create(SecretBytes, static _ => { });
        vaultKey.ReadOnlyBytes.CopyTo(secrets.Bytes);
        logSeed.ReadOnlyBytes.CopyTo(secrets.Bytes[KeyDerivation.KeyBytes..]);
        KeyWrap.Seal(key, secrets.ReadOnlyBytes, SealLabel, vaultId, context, made);
        var slot = new RecoverySlot(number, madeMs, salt, commitment, made, new byte[SigningKey.SignatureBytes]);
        owner.Sign(slot.SignedBytes(vaultId), slot.OwnerSignature);
        return slot;
    }

    /// <summary>Opens the slot. Null if the words are others.</summary>
    /// <exception cref="VmPodException">The words are right, and the keys do not open (exit 5).</exception>
    public (SecretBuffer VaultKey, SecretBuffer LogSeed)? TryOpen(RecoveryWords words, UInt128 vaultId)
    {
        Span<byte> context = stackalloc byte[sizeof(uint)], commitment = stackalloc byte[CommitmentBytes];
        BinaryPrimitives.WriteUInt32BigEndian(context, Number);
        KeyDerivation.Derive(words.Entropy.ReadOnlyBytes, Salt, CommitmentLabel, vaultId, context, commitment);
        if (!CryptographicOperations.FixedTimeEquals(commitment, Commitment))
            return null;
        using SecretBuffer key = SecretBuffer.Create(KeyDerivation.KeyBytes, static _ => { });
        KeyDerivation.Derive(words.Entropy.ReadOnlyBytes, Salt, KeyLabel, vaultId, context, key.Bytes);
        using SecretBuffer secrets = SecretBuffer.Create(SecretBytes, static _ => { });
        if (!KeyWrap.TryOpen(key, Sealed, SealLabel, vaultId, context, secrets.Bytes))
            throw new VmPodException(ExitCode.Damaged, "The pod's recovery slot is damaged: the words are right, but the keys do not open.",
                "Restore v1/log from a mirror or a backup.");
        return (Half(secrets.ReadOnlyBytes[..KeyDerivation.KeyBytes]), Half(secrets.ReadOnlyBytes[KeyDerivation.KeyBytes..]));
    }

    /// <summary>True if the owner made it for this vault.</summary>
    public bool IsSigned(ReadOnlySpan<byte> ownerKey, UInt128 vaultId) => SigningKey.Verify(ownerKey, SignedBytes(vaultId), OwnerSignature);

    /// <summary>The entry's payload.</summary>
    public byte[] ToBytes() => [.. Unsigned(), .. OwnerSignature];

    /// <summary>Reads one. Null unless canonical.</summary>
    public static RecoverySlot? TryRead(ReadOnlySpan<byte> bytes)
    {
        var r = new ByteReader(bytes);
        uint number = r.UInt32();
        ulong made = r.UInt64();
        ReadOnlySpan<byte> salt = r.Bytes(SaltBytes), commitment = r.Bytes(CommitmentBytes), keys = r.Bytes(SealedBytes),
            signature = r.Bytes(SigningKey.SignatureBytes);
        return r.IsAtEnd && number > 0
            ? new RecoverySlot(number, made, salt.ToArray(), commitment.ToArray(), keys.ToArray(), signature.ToArray()) : null;
    }

    private static SecretBuffer Half(ReadOnlySpan<byte> bytes) => SecretBuffer.Create(bytes.Length, bytes, static (into, from) => from.CopyTo(into));

    private byte[] Unsigned() =>
        new ByteWriter().UInt32(Number).UInt64(MadeMs).Bytes(Salt).Bytes(Commitment).Bytes(Sealed).Written.ToArray();

    private byte[] SignedBytes(UInt128 vaultId)
    {
        byte[] id = new byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(id, vaultId);
        return [.. SignedLabel, .. id, .. Unsigned()];
    }
}
