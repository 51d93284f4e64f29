namespace VmPod.Sync.Rsync;

/// <summary>The algorithms' names in the metadata.</summary>
internal static class Algorithms
{
    internal const string Xxh3 = "XXH3", Xxh64 = "XXH64", Adler32 = "Adler32", Adler32V3 = "Adler32V3";

    internal static string NameOf(BlockHash hash) => hash == BlockHash.Xxh3 ? Xxh3 : Xxh64;

    internal static string NameOf(RollingChecksum rolling) => rolling == RollingChecksum.Adler32V3 ? Adler32V3 : Adler32;

    /// <summary>The hash of a signature's blocks.</summary>
    internal static BlockHash BlockHashNamed(string? name) => name switch
    {
        Xxh3 => BlockHash.Xxh3,
        Xxh64 => BlockHash.Xxh64,
        "MD5" or "SHA1" => throw RsyncFault.Refused($"its blocks are hashed with {name}, which is broken and no shorter"),
        null => throw RsyncFault.Broken("the metadata has no chunkHashAlgorithm"),
        _ => throw RsyncFault.Refused("its blocks are hashed with something unknown"),
    };

    /// <summary>The rolling sum of a signature's blocks.</summary>
    internal static RollingChecksum RollingNamed(string? name) => name switch
    {
        Adler32V3 => RollingChecksum.Adler32V3,
        Adler32 => RollingChecksum.Adler32,
        "Adler32V2" => throw RsyncFault.Refused("its rolling sum is Adler32V2, which its own makers call faulty"),
        null => throw RsyncFault.Broken("the metadata has no rollingChecksumAlgorithm"),
        _ => throw RsyncFault.Refused("its rolling sum is something unknown"),
    };

    /// <summary>Bytes of a whole file's hash; 0 for an unknown one.</summary>
    internal static int FileHashBytes(string? name) => name switch
    {
        Xxh3 or Xxh64 => 8,
        "MD5" => 16,
        "SHA1" => 20,
        _ => 0,
    };
}
