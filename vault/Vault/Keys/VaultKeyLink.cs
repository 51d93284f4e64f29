using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.Vault.Keys;

/// <summary>
/// From K_root to K_vault. A vault that was never recovered derives it. One that was has a new K_root and a new K_shred, which give another key; that one
/// wraps K_vault in a file, "VPS1" | kind 3 | wrapped K_vault 64. Erasing K_shred erases both kinds alike.
/// </summary>
internal static class VaultKeyLink
{
    private const uint Magic = 0x5650_5331; // "VPS1"
    private const byte KindVaultKey = 3;
    private const int LinkBytes = 4 + 1 + KeyWrap.WrappedBytes;
    private const string DerivedLabel = "vault", LinkLabel = "vault-link", WrapLabel = "vault-key";

    /// <summary>K_vault of a vault as it was made.</summary>
    public static SecretBuffer Derive(SecretBuffer root, SecretBuffer shred, UInt128 vaultId) =>
        KeyDerivation.Derive(root, DerivedLabel, vaultId, shred.ReadOnlyBytes);

    /// <summary>Makes a link.</summary>
    public static byte[] Create(SecretBuffer vaultKey, SecretBuffer root, SecretBuffer shred, UInt128 vaultId)
    {
        using SecretBuffer link = KeyDerivation.Derive(root, LinkLabel, vaultId, shred.ReadOnlyBytes);
        return new ByteWriter().UInt32(Magic).Byte(KindVaultKey).Bytes(KeyWrap.Wrap(link, vaultKey, WrapLabel, vaultId, default)).Written.ToArray();
    }

    /// <summary>Opens a link. Null if it is damaged, or of other keys.</summary>
    public static SecretBuffer? TryOpen(ReadOnlySpan<byte> bytes, SecretBuffer root, SecretBuffer shred, UInt128 vaultId)
    {
        var reader = new ByteReader(bytes);
        reader.Require(bytes.Length == LinkBytes && reader.UInt32() == Magic && reader.Byte() == KindVaultKey);
        ReadOnlySpan<byte> wrapped = reader.Bytes(KeyWrap.WrappedBytes);
        if (!reader.IsAtEnd)
            return null;
        using SecretBuffer link = KeyDerivation.Derive(root, LinkLabel, vaultId, shred.ReadOnlyBytes);
        return KeyWrap.TryUnwrap(link, wrapped, WrapLabel, vaultId, default);
    }

    /// <summary>K_vault by the file of the link, or derived where there is none. Null as for <see cref="TryOpen"/>.</summary>
    public static SecretBuffer? Open(string file, SecretBuffer root, SecretBuffer shred, UInt128 vaultId)
    {
        byte[] bytes = new byte[LinkBytes + 1];
        int length;
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return Derive(root, shred, vaultId);
        }
        catch (IOException e)
        {
            throw new VmPodException(ExitCode.Damaged, "The pod's slot vault-key cannot be read.", "Restore v1/slots from a copy of the pod.", e);
        }
        return TryOpen(bytes.AsSpan(0, length), root, shred, vaultId);
    }
}
