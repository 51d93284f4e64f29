using System.Security.Cryptography;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Cells;

/// <summary>Seals and opens cells (SPEC, "Sealing"), suite 2: HMAC-SHA-256 and AES-256-GCM.</summary>
/// <remarks>
/// T = HMAC(K_mac, header || P), K_rec = HMAC(K_kdf, T), C = AES-GCM(K_rec, nonce 0, AAD = header || T, P). A key per cell, derived from exactly the bytes
/// that are encrypted: no nonce to manage, nothing to reuse.
/// </remarks>
internal static class CellCipher
{
    /// <summary>The suite's number in a header.</summary>
    public const byte Suite = 2;

    private const int KeyBytes = 32, NonceBytes = 12;

    /// <summary>
    /// Seals a plaintext. <paramref name="work"/> holds { room for the header, 16 bytes | P, capacity bytes } and is left as it is but for the header;
    /// <paramref name="cell"/> gets the whole cell.
    /// </summary>
    public static void Seal(LeaseKeys keys, Span<byte> work, Span<byte> cell)
    {
        new CellHeader(Suite, cell.Length, keys.LeaseId).WriteTo(cell);
        cell[..CellLayout.HeaderBytes].CopyTo(work);
        Span<byte> mac = cell.Slice(CellLayout.HeaderBytes, CellLayout.MacBytes);
        HMACSHA256.HashData(keys.Mac, work, mac);
        Span<byte> recordKey = stackalloc byte[KeyBytes];
        try
        {
            HMACSHA256.HashData(keys.Record, mac, recordKey);
            using var aes = new AesGcm(recordKey, CellLayout.TagBytes);
            Span<byte> nonce = stackalloc byte[NonceBytes];
            nonce.Clear();
            aes.Encrypt(nonce, work[CellLayout.HeaderBytes..], cell[CellLayout.CipherOffset..^CellLayout.TagBytes], cell[^CellLayout.TagBytes..],
                cell[..CellLayout.CipherOffset]);
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
        if (!CellHeader.TryRead(cell, out CellHeader header) || header.Suite != Suite || header.KeyId != keys.LeaseId)
            return false;
        Span<byte> recordKey = stackalloc byte[KeyBytes];
        try
        {
            DeriveRecordKey(keys, cell, recordKey);
            return TryOpen(recordKey, cell, work);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(recordKey);
        }
    }

    /// <summary>As above, with the cell's own key: for who has no more than that.</summary>
    public static bool TryOpen(ReadOnlySpan<byte> recordKey, ReadOnlySpan<byte> cell, Span<byte> work)
    {
        if (!CellHeader.TryRead(cell, out CellHeader header) || header.Suite != Suite)
            return false;
        cell[..CellLayout.HeaderBytes].CopyTo(work);
        try
        {
            using var aes = new AesGcm(recordKey, CellLayout.TagBytes);
            Span<byte> nonce = stackalloc byte[NonceBytes];
            nonce.Clear();
            aes.Decrypt(nonce, cell[CellLayout.CipherOffset..^CellLayout.TagBytes], cell[^CellLayout.TagBytes..], work[CellLayout.HeaderBytes..],
                cell[..CellLayout.CipherOffset]);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            work.Clear();
            return false;
        }
    }

    /// <summary>K_rec of a cell: HMAC(K_kdf, T). What a pod releases, cell by cell.</summary>
    public static void DeriveRecordKey(LeaseKeys keys, ReadOnlySpan<byte> cell, Span<byte> recordKey) =>
        HMACSHA256.HashData(keys.Record, cell.Slice(CellLayout.HeaderBytes, CellLayout.MacBytes), recordKey);

    /// <summary>Checks T over an opened plaintext: the second barrier, for holders of the MAC key (rule 29).</summary>
    public static bool MacIsRight(LeaseKeys keys, ReadOnlySpan<byte> cell, ReadOnlySpan<byte> work)
    {
        Span<byte> mac = stackalloc byte[CellLayout.MacBytes];
        HMACSHA256.HashData(keys.Mac, work, mac);
        return CryptographicOperations.FixedTimeEquals(mac, cell.Slice(CellLayout.HeaderBytes, CellLayout.MacBytes));
    }
}
