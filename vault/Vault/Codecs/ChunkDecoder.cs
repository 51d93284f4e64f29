using VmPod.Vault.Format;
using ZstdSharp;

namespace VmPod.Vault.Codecs;

/// <summary>Decodes payloads. One for each thread.</summary>
internal sealed class ChunkDecoder : IDisposable
{
    private readonly Decompressor decompressor = new();

    /// <summary>
    /// Decodes into exactly <paramref name="chunk"/>, whose length the sealed directory gave; it is only called on bytes that authenticated. False if the
    /// payload does not give just so many bytes, or its codec is not known here.
    /// </summary>
    public bool TryDecode(Codec codec, ReadOnlySpan<byte> payload, Span<byte> chunk)
    {
        switch (codec)
        {
            case Codec.Raw when payload.Length == chunk.Length:
                payload.CopyTo(chunk);
                return true;
            case Codec.Zstd when payload.Length < chunk.Length:
                try
                {
                    return decompressor.Unwrap(payload, chunk) == chunk.Length;
                }
                catch (ZstdException)
                {
                    return false;
                }
            default:
                return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => decompressor.Dispose();
}
