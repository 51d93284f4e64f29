using VmPod.Vault.Format;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace VmPod.Vault.Codecs;

/// <summary>Compresses chunks and pages of chunks. One for each thread.</summary>
/// <remarks>The compressor's tables are native memory of the package, not locked: what they hold of a chunk is said in the threat model.</remarks>
internal sealed unsafe class ChunkEncoder : IDisposable
{
    private ZSTD_CCtx_s* context = Methods.ZSTD_createCCtx();

    /// <summary>An encoder of a zstd level.</summary>
    public ChunkEncoder(int level)
    {
        _ = Methods.ZSTD_CCtx_setParameter(context, ZSTD_cParameter.ZSTD_c_compressionLevel, level);
    }

    /// <summary>Bytes that the output must have room for: those of a payload of pages stand after their tables.</summary>
    public static int OutputBytesMax { get; } = Compressor.GetCompressBound(FormatLimits.ChunkBytes) + PagePayload.PatchHeaderBytes;

    /// <summary>Encodes one chunk, alone, into <paramref name="into"/>. The payload is <paramref name="chunk"/> itself if zstd does not
    /// make it smaller.</summary>
    public (Codec Codec, int Length) Encode(ReadOnlySpan<byte> chunk, Span<byte> into)
    {
        int length = Deflate(chunk, default, into);
        if (length < chunk.Length)
            return (Codec.Zstd, length);
        chunk.CopyTo(into);
        return (Codec.Raw, chunk.Length);
    }

    /// <summary>One zstd frame of <paramref name="data"/>, with what stands before it; empty for none. Returns its bytes.</summary>
    public int Deflate(ReadOnlySpan<byte> data, ReadOnlySpan<byte> prefix, Span<byte> into)
    {
        ObjectDisposedException.ThrowIf(context is null, this);
        fixed (byte* from = data, before = prefix, to = into)
        {
            nuint length = prefix.Length == 0 ? 0 : Methods.ZSTD_CCtx_refPrefix(context, before, (nuint)prefix.Length);
            if (!Methods.ZSTD_isError(length))
                length = Methods.ZSTD_compress2(context, to, (nuint)into.Length, from, (nuint)data.Length);
            return !Methods.ZSTD_isError(length) ? (int)length
                : throw new InvalidOperationException("zstd did not compress a chunk into a buffer of its bound.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = Methods.ZSTD_freeCCtx(context);
        context = null;
    }
}
