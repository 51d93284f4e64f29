using System.Runtime.InteropServices;

namespace VmPod.Vault.Keys;

/// <summary>Keyed BLAKE2b (RFC 7693) with 32 bytes of output: the MAC and PRF of suite 1.</summary>
/// <remarks>
/// libsodium is called directly: NSec wants an object of its own for each key, which takes locked pages and 48 us, as long as the hash of a whole chunk.
/// </remarks>
internal static unsafe partial class Blake2b
{
    /// <summary>Bytes of key and output.</summary>
    public const int Size = 32;

    // Chooses the fastest code for this processor; safe to call again, and it was called by NSec or was not.
    static Blake2b()
    {
        if (Initialize() < 0)
            throw new InvalidOperationException("libsodium cannot be used.");
    }

    /// <summary>BLAKE2b-256(key, data).</summary>
    public static void HashData(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        if (key.Length != Size || output.Length < Size)
            throw new ArgumentException("Key and output have 32 bytes.");
        fixed (byte* k = key, d = data, o = output)
        {
            if (Hash(o, Size, d, (ulong)data.Length, k, Size) != 0)
                throw new InvalidOperationException("BLAKE2b failed.");
        }
    }

    [LibraryImport("libsodium", EntryPoint = "sodium_init")]
    private static partial int Initialize();

    [LibraryImport("libsodium", EntryPoint = "crypto_generichash_blake2b")]
    private static partial int Hash(byte* output, nuint outputLength, byte* input, ulong inputLength, byte* key, nuint keyLength);
}
