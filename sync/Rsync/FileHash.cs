using System.Buffers.Binary;

namespace VmPod.Sync.Rsync;

/// <summary>The hash of a whole file as the metadata has it. Whoever made the file wrote it: it is handed on, and decides nothing.</summary>
public sealed class FileHash
{
    // Characters of the longest, 20 bytes in Base64, with room; more than its bytes.
    private const int CharactersMax = 32;

    private FileHash(string algorithm, string base64)
    {
        Algorithm = algorithm;
        Base64 = base64;
    }

    /// <summary>XXH3, XXH64, MD5 or SHA1.</summary>
    public string Algorithm { get; }

    /// <summary>Its bytes, those of XXH3 and XXH64 with the lowest first.</summary>
    public string Base64 { get; }

    /// <summary>That of XXH3.</summary>
    internal static FileHash OfXxh3(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return new FileHash(Algorithms.Xxh3, Convert.ToBase64String(bytes));
    }

    /// <summary>As the metadata has it: a known algorithm, and exactly its number of bytes in the one way that Base64 has for them.</summary>
    internal static FileHash Read(string? algorithm, string? base64)
    {
        int count = Algorithms.FileHashBytes(algorithm);
        Span<byte> bytes = stackalloc byte[CharactersMax];
        if (count == 0 || base64 is null || base64.Length > CharactersMax || !Convert.TryFromBase64String(base64, bytes, out int written)
            || written != count || Convert.ToBase64String(bytes[..written]) != base64)
            throw RsyncFault.Broken("a file's hash in the metadata is none");
        return new FileHash(algorithm!, base64);
    }
}
