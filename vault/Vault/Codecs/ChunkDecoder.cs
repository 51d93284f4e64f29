using VmPod.Vault.Format;
using ZstdSharp.Unsafe;

namespace VmPod.Vault.Codecs;

/// <summary>Decodes payloads. One for each thread. It is only called on bytes that authenticated, with lengths that the sealed directory gave.</summary>
internal sealed unsafe class ChunkDecoder : IDisposable
{
    private ZSTD_DCtx_s* context = Methods.ZSTD_createDCtx();

    /// <summary>
    /// Decodes codec raw or zstd into exactly <paramref name="chunk"/>. False if the payload does not give just so many bytes, or has another codec.
    /// </summary>
    public bool TryDecode(Codec codec, ReadOnlySpan<byte> payload, Span<byte> chunk)
    {
        if (codec == Codec.Zstd)
            return payload.Length < chunk.Length && TryInflate(payload, default, chunk);
        if (codec != Codec.Raw || payload.Length != chunk.Length)
            return false;
        payload.CopyTo(chunk);
        return true;
    }

    /// <summary>Decodes one zstd frame into exactly <paramref name="output"/>, with the bytes that stood before it for its maker; empty for none.</summary>
    public bool TryInflate(ReadOnlySpan<byte> frame, ReadOnlySpan<byte> prefix, Span<byte> output)
    {
        ObjectDisposedException.ThrowIf(context is null, this);
        fixed (byte* from = frame, before = prefix, into = output)
        {
            // As raw content: what the guest wrote is never taken for a dictionary with tables.
            if (prefix.Length > 0 && Methods.ZSTD_isError(Methods.ZSTD_DCtx_refPrefix(context, before, (nuint)prefix.Length)))
                return false;
            nuint length = Methods.ZSTD_decompressDCtx(context, into, (nuint)output.Length, from, (nuint)frame.Length);
            return !Methods.ZSTD_isError(length) && length == (nuint)output.Length;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ = Methods.ZSTD_freeDCtx(context);
        context = null;
    }
}
