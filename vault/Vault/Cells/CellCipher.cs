using System.Security.Cryptography;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Cells;

/// <summary>Seals and opens cells (SPEC, "Sealing"), in the suite of the keys.</summary>
/// <remarks>
/// T = MAC(K_mac, header || P), K_rec = MAC(K_kdf, T), C = AEAD(K_rec, nonce 0, AAD = header || T, P). A key per cell, derived from exactly the bytes
/// that are encrypted: no nonce to manage, nothing to reuse. Suite 2: HMAC-SHA-256, AES-256-GCM. Suite 1: keyed BLAKE2b-256, ChaCha20-Poly1305.
/// </remarks>
internal static class CellCipher
{
    private const int KeyBytes = 32, NonceBytes = 12;

    /// <summary>
    /// Seals a plaintext. <paramref name="work"/> holds { room for the header, 16 bytes | P, capacity bytes } and is left as it is but for the header;
    /// <paramref name="cell"/> gets the whole cell.
    /// </summary>
    public static void Seal(LeaseKeys keys, Span<byte> work, Span<byte> cell)
    {
        new CellHeader(keys.Suite, cell.Length, keys.LeaseId).WriteTo(cell);
        cell[..CellLayout.HeaderBytes].CopyTo(work);
        Span<byte> mac = cell.Slice(CellLayout.HeaderBytes, CellLayout.MacBytes);
        Mac(keys.Suite, keys.Mac, work, mac);
        Span<byte> recordKey = stackalloc byte[KeyBytes];
        try
        {
            Mac(keys.Suite, keys.Record, mac, recordKey);
            Encrypt(keys.Suite, recordKey, work[CellLayout.HeaderBytes..], cell);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(recordKey);
        }
    }

    /// <summary>
    /// Opens a cell into <paramref name="work"/> (as for <see cref="Seal"/>: header, then P). False if it is not a cell of these keys, or was changed in
    /// any bit; then the plaintext is zeroed.
    /// </summary>
    public static bool TryOpen(LeaseKeys keys, ReadOnlySpan<byte> cell, Span<byte> work)
    {
        if (!CellHeader.TryRead(cell, out CellHeader header) || header.Suite != keys.Suite || header.KeyId != keys.LeaseId)
            return false;
        Span<byte> recordKey = stackalloc byte[KeyBytes];
        try
        {
            DeriveRecordKey(keys, cell, recordKey);
            return TryOpen(keys.Suite, recordKey, cell, work);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(recordKey);
        }
    }

    /// <summary>As above, with the vault's suite and the cell's own key: for who has no more than that.</summary>
    public static bool TryOpen(byte suite, ReadOnlySpan<byte> recordKey, ReadOnlySpan<byte> cell, Span<byte> work)
    {
        if (!CellHeader.TryRead(cell, out CellHeader header) || header.Suite != suite)
            return false;
        cell[..CellLayout.HeaderBytes].CopyTo(work);
        try
        {
            Decrypt(suite, recordKey, cell, work[CellLayout.HeaderBytes..]);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            work.Clear();
            return false;
        }
    }

    /// <summary>K_rec of a cell: MAC(K_kdf, T). What a pod releases, cell by cell.</summary>
    public static void DeriveRecordKey(LeaseKeys keys, ReadOnlySpan<byte> cell, Span<byte> recordKey) =>
        Mac(keys.Suite, keys.Record, cell.Slice(CellLayout.HeaderBytes, CellLayout.MacBytes), recordKey);

    /// <summary>Checks T over an opened plaintext: the second barrier, for holders of the MAC key (rule 29).</summary>
    public static bool MacIsRight(LeaseKeys keys, ReadOnlySpan<byte> cell, ReadOnlySpan<byte> work)
    {
        Span<byte> mac = stackalloc byte[CellLayout.MacBytes];
        Mac(keys.Suite, keys.Mac, work, mac);
        return CryptographicOperations.FixedTimeEquals(mac, cell.Slice(CellLayout.HeaderBytes, CellLayout.MacBytes));
    }

    private static void Mac(byte suite, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> mac)
    {
        if (suite == CellSuite.Blake2bChaCha20)
            Blake2b.HashData(key, data, mac);
        else
            HMACSHA256.HashData(key, data, mac);
    }

    private static void Encrypt(byte suite, ReadOnlySpan<byte> key, ReadOnlySpan<byte> plaintext, Span<byte> cell)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        nonce.Clear();
        Span<byte> sealedBytes = cell[CellLayout.CipherOffset..^CellLayout.TagBytes], tag = cell[^CellLayout.TagBytes..];
        if (suite == CellSuite.Blake2bChaCha20)
        {
            using var chacha = new ChaCha20Poly1305(key);
            chacha.Encrypt(nonce, plaintext, sealedBytes, tag, cell[..CellLayout.CipherOffset]);
            return;
        }
        using var aes = new AesGcm(key, CellLayout.TagBytes);
        aes.Encrypt(nonce, plaintext, sealedBytes, tag, cell[..CellLayout.CipherOffset]);
    }

    private static void Decrypt(byte suite, ReadOnlySpan<byte> key, ReadOnlySpan<byte> cell, Span<byte> plaintext)
    {
        Span<byte> nonce = stackalloc byte[NonceBytes];
        nonce.Clear();
        ReadOnlySpan<byte> sealedBytes = cell[CellLayout.CipherOffset..^CellLayout.TagBytes], tag = cell[^CellLayout.TagBytes..];
        if (suite == CellSuite.Blake2bChaCha20)
        {
            using var chacha = new ChaCha20Poly1305(key);
            chacha.Decrypt(nonce, sealedBytes, tag, plaintext, cell[..CellLayout.CipherOffset]);
            return;
        }
        using var aes = new AesGcm(key, CellLayout.TagBytes);
        aes.Decrypt(nonce, sealedBytes, tag, plaintext, cell[..CellLayout.CipherOffset]);
    }
}
