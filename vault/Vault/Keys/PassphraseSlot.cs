using System.Security.Cryptography;
using NSec.Cryptography;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.Vault.Keys;

/// <summary>
/// A key slot that a passphrase opens (SPEC, "Slots"): "VPS1" | kind | Argon2id memory KiB 4 | passes 4 | salt 16 | commitment 32 | wrapped K_root 64.
/// Kind 1 opens with a passphrase, kind 2 with a passphrase and a key file, one after the other (V-185).
/// </summary>
/// <remarks>
/// S = Argon2id(passphrase, salt); KEK = HKDF(ikm S, salt K_dev) gives the wrapping key and a commitment of 32 bytes, which is compared before anything is
/// decrypted, so that a slot has one passphrase and a wrong one is known as such.
/// </remarks>
internal sealed class PassphraseSlot
{
    /// <summary>Bytes of a slot.</summary>
    public const int SlotBytes = 4 + 1 + 4 + 4 + SaltBytes + CommitmentBytes + KeyWrap.WrappedBytes;

    private const uint Magic = 0x5650_5331; // "VPS1"
    private const byte KindPassphrase = 1, KindPassphraseAndKeyFile = 2;
    private const int SaltBytes = 16, CommitmentBytes = 32, Passes = 3;

    // Above it a slot that somebody changed could make the pod run out of memory; below it a guess is too cheap (RFC 9106).
    private const int MemoryKiBMin = 8 * 1024, MemoryKiBMax = 4 * 1024 * 1024;

    /// <summary>Makes a slot.</summary>
    public static byte[] Create(SecretBuffer root, ReadOnlySpan<byte> passphrase, SecretBuffer device, UInt128 vaultId, int memoryKiB, bool hasKeyFile = false)
    {
        var writer = new ByteWriter().UInt32(Magic).Byte(hasKeyFile ? KindPassphraseAndKeyFile : KindPassphrase).UInt32((uint)memoryKiB).UInt32(Passes);
        byte[] salt = RandomNumberGenerator.GetBytes(SaltBytes);
        using Opening opening = Derive(passphrase, salt, device, vaultId, memoryKiB, Passes);
        return writer.Bytes(salt).Bytes(opening.Commitment).Bytes(KeyWrap.Wrap(opening.WrappingKey, root, "root", vaultId, default)).Written.ToArray();
    }

    /// <summary>Whether a slot says that it opens with a key file too. A hint for a person: nothing proves it.</summary>
    public static bool AsksForKeyFile(ReadOnlySpan<byte> slot) => slot.Length == SlotBytes && slot[4] == KindPassphraseAndKeyFile;

    /// <summary>Opens a slot. Null if the passphrase is wrong.</summary>
    /// <exception cref="VmPodException">The slot is damaged (exit 5).</exception>
    public static SecretBuffer? TryOpen(ReadOnlySpan<byte> slot, ReadOnlySpan<byte> passphrase, SecretBuffer device, UInt128 vaultId)
    {
        var reader = new ByteReader(slot);
        reader.Require(slot.Length == SlotBytes && reader.UInt32() == Magic && reader.Byte() is KindPassphrase or KindPassphraseAndKeyFile);
        uint memory = reader.UInt32(), passes = reader.UInt32();
        ReadOnlySpan<byte> salt = reader.Bytes(SaltBytes), commitment = reader.Bytes(CommitmentBytes), wrapped = reader.Bytes(KeyWrap.WrappedBytes);
        reader.Require(memory is >= MemoryKiBMin and <= MemoryKiBMax && passes is >= 1 and <= 16);
        if (!reader.IsAtEnd)
            throw new VmPodException(ExitCode.Damaged, "The pod's passphrase slot is damaged.", "Restore v1/slots from a copy of the pod.");
        using Opening opening = Derive(passphrase, salt, device, vaultId, (int)memory, (int)passes);
        if (!CryptographicOperations.FixedTimeEquals(opening.Commitment, commitment))
            return null;
        return KeyWrap.TryUnwrap(opening.WrappingKey, wrapped, "root", vaultId, default)
            ?? throw new VmPodException(ExitCode.Damaged, "The pod's passphrase slot is damaged: the passphrase is right, but the key does not open.",
                "Restore v1/slots from a copy of the pod.");
    }

    private static Opening Derive(ReadOnlySpan<byte> passphrase, ReadOnlySpan<byte> salt, SecretBuffer device, UInt128 vaultId, int memoryKiB, int passes)
    {
        var argon = PasswordBasedKeyDerivationAlgorithm.Argon2id(new Argon2Parameters
        {
            DegreeOfParallelism = 1,
            MemorySize = memoryKiB,
            NumberOfPasses = passes
        });
        using SecretBuffer stretched = SecretBuffer.Create(32, static _ => { });
        argon.DeriveBytes(passphrase, salt, stretched.Bytes);
        SecretBuffer key = SecretBuffer.Create(32, static _ => { });
        byte[] commitment = new byte[CommitmentBytes];
        KeyDerivation.Derive(stretched.ReadOnlyBytes, device.ReadOnlyBytes, "kek", vaultId, salt, key.Bytes);
        KeyDerivation.Derive(stretched.ReadOnlyBytes, device.ReadOnlyBytes, "kek-commitment", vaultId, salt, commitment);
        return new Opening(key, commitment);
    }

    private sealed record Opening(SecretBuffer WrappingKey, byte[] Commitment) : IDisposable
    {
        public void Dispose() => WrappingKey.Dispose();
    }
}
