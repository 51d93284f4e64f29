using VmPod.Vault.Format;
using ZstdSharp;

namespace VmPod.Vault.Codecs;

/// <summary>Chooses the smallest form of a chunk among those of this version: raw or zstd. One for each thread.</summary>
/// <remarks>The compressor's tables are native memory of the package, not locked: what they hold of a chunk is said in the threat model.</remarks>
internal sealed class ChunkEncoder(int level) : IDisposable
{
    private readonly Compressor compressor = new(level);

    /// <summary>Bytes that the output must have room for.</summary>
    public static int OutputBytesMax { get; } = Compressor.GetCompressBound(FormatLimits.ChunkBytes);

    /// <summary>Encodes one chunk, alone, into <paramref name="into"/>. The payload is <paramref name="chunk"/> itself if zstd does not
    /// make it smaller.</summary>
    public (Codec Codec, int Length) Encode(ReadOnlySpan<byte> chunk, Span<byte> into)
    {
        int length = compressor.Wrap(chunk, into);
        if (length < chunk.Length)
            return (Codec.Zstd, length);
        chunk.CopyTo(into);
        return (Codec.Raw, chunk.Length);
    }

    /// <inheritdoc/>
    public void Dispose() => compressor.Dispose();
}
