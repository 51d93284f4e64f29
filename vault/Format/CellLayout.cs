namespace VmPod.Vault.Format;

/// <summary>Where things stand in a cell (SPEC, "Cell").</summary>
/// <remarks>
/// <code>
/// cell  := { magic 4 | suite 1 | version 1 | units 2 | keyId 8 | T 32 | C n | tag 16 }      n = capacity
/// P     := { type 1 | 0 3 | count 4 | session 16 | leaseId 8 | commit 8 | ordinal 8 | entry 24 * count | bytes | 0... }
/// entry := { stream 4 | chunk 8 | codec 1 | part 1 | rawLength 3 | offset 3 | length 3 | 0 1 }
/// </code>
/// </remarks>
public static class CellLayout
{
    /// <summary>"VPR1".</summary>
    public const uint Magic = 0x5650_5231;

    /// <summary>Bytes before T.</summary>
    public const int HeaderBytes = 16;

    /// <summary>Bytes of T, the MAC over what is sealed.</summary>
    public const int MacBytes = 32;

    /// <summary>Where the ciphertext begins.</summary>
    public const int CipherOffset = HeaderBytes + MacBytes;

    /// <summary>Bytes of the AEAD tag at the end.</summary>
    public const int TagBytes = 16;

    /// <summary>Bytes of a cell that hold no plaintext.</summary>
    public const int OverheadBytes = CipherOffset + TagBytes;

    /// <summary>Bytes of P before its directory.</summary>
    public const int ContentHeaderBytes = 48;

    /// <summary>Bytes of one directory entry.</summary>
    public const int EntryBytes = 24;

    /// <summary>Bytes of plaintext in a cell.</summary>
    public static int Capacity(int cellBytes) => cellBytes - OverheadBytes;

    /// <summary>True for a size that a vault may have.</summary>
    public static bool IsValidSize(int cellBytes) =>
        cellBytes is >= FormatLimits.CellBytesMin and <= FormatLimits.CellBytesMax && cellBytes % FormatLimits.CellUnitBytes == 0;
}
