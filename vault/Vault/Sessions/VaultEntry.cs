using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>
/// The vault's own entry, once, before all others: owner's public key 32, wrapped owner seed 64, the owner's signature 64 over the descriptor's bytes. So
/// a changed descriptor (cell size, suite, log key) is known at unlock.
/// </summary>
internal sealed record VaultEntry(byte[] OwnerPublicKey, byte[] WrappedOwnerSeed, byte[] DescriptorSignature)
{
    private const string SeedLabel = "owner";

    private static ReadOnlySpan<byte> Label => "vmpod/v1/vault\0"u8;

    /// <summary>Makes one, with the owner's new key.</summary>
    public static VaultEntry Create(SecretBuffer vaultKey, SecretBuffer ownerSeed, VaultDescriptor descriptor)
    {
        using SigningKey owner = SigningKey.FromSeed(ownerSeed);
        byte[] signature = new byte[SigningKey.SignatureBytes];
        owner.Sign(SignedBytes(descriptor), signature);
        return new VaultEntry(owner.PublicKey, KeyWrap.Wrap(vaultKey, ownerSeed, SeedLabel, descriptor.VaultId, default), signature);
    }

    /// <summary>The owner's key. Null if it does not authenticate, is not the key named here, or did not sign this descriptor.</summary>
    public SigningKey? TryOpen(SecretBuffer vaultKey, VaultDescriptor descriptor)
    {
        using SecretBuffer? seed = KeyWrap.TryUnwrap(vaultKey, WrappedOwnerSeed, SeedLabel, descriptor.VaultId, default);
        if (seed is null || !SigningKey.Verify(OwnerPublicKey, SignedBytes(descriptor), DescriptorSignature))
            return null;
        SigningKey owner = SigningKey.FromSeed(seed);
        if (owner.PublicKey.AsSpan().SequenceEqual(OwnerPublicKey))
            return owner;
        owner.Dispose();
        return null;
    }

    /// <summary>The entry's payload.</summary>
    public byte[] ToBytes() => [.. OwnerPublicKey, .. WrappedOwnerSeed, .. DescriptorSignature];

    /// <summary>Reads one. Null unless canonical.</summary>
    public static VaultEntry? TryRead(ReadOnlySpan<byte> bytes)
    {
        var r = new ByteReader(bytes);
        ReadOnlySpan<byte> key = r.Bytes(SigningKey.PublicKeyBytes), seed = r.Bytes(KeyWrap.WrappedBytes), signature = r.Bytes(SigningKey.SignatureBytes);
        return r.IsAtEnd ? new VaultEntry(key.ToArray(), seed.ToArray(), signature.ToArray()) : null;
    }

    private static byte[] SignedBytes(VaultDescriptor descriptor) => [.. Label, .. descriptor.Encode()];
}
