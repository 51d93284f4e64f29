using VmPod.Vault.Format;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace VmPod.Vault.Codecs;

/// <summary>Compresses chunks and pages of chunks. One for each thread.</summary>
/// <remarks>The compressor's tables are native memory of the package, not locked: what they hold of a chunk is said in the threat model.</remarks>
internal sealed unsafe class ChunkEncoder : IDisposable
{
    private ZSTD_CCtx_s* context = Methods.ZSTD_createCCtx();

    // A frame has 256 KiB at most (FormatLimits.GroupBytesMax).
    private const int WindowLog = 18;

    private Effort effort;

    /// <summary>An encoder that tries so hard.</summary>
    public ChunkEncoder(Effort effort)
    {
        Set(ZSTD_cParameter.ZSTD_c_windowLog, WindowLog);
        this.effort = effort;
        SetEffort();
    }

    /// <summary>How hard it tries, from the next frame on.</summary>
    public Effort Effort
    {
        get => effort;
        set
        {
            if (value == effort)
                return;
            effort = value;
            SetEffort();
        }
    }

    /// <summary>Bytes that the output must have room for: those of a payload of pages stand after their tables.</summary>
    public static int OutputBytesMax { get; } = OutputBytesOf(FormatLimits.ChunkBytes);

    /// <summary>As <see cref="OutputBytesMax"/>, for so many bytes of plaintext of one or more chunks.</summary>
    public static int OutputBytesOf(int plainBytes) => Compressor.GetCompressBound(plainBytes) + GroupPayload.HeaderBytesMax;

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

    private void SetEffort()
    {
        (ZSTD_strategy strategy, int hash, int chain, int search, int match, int target) = effort switch
        {
            Effort.Fast => (ZSTD_strategy.ZSTD_fast, 15, 13, 1, 5, 0),
            Effort.Thorough => (ZSTD_strategy.ZSTD_dfast, 15, 13, 1, 5, 0),
            Effort.Patient => (ZSTD_strategy.ZSTD_lazy2, 17, 16, 5, 4, 0),
            Effort.Exhaustive => (ZSTD_strategy.ZSTD_btopt, 17, 18, 5, 3, 64),
            _ => throw new ArgumentOutOfRangeException(nameof(effort)),
        };
        Set(ZSTD_cParameter.ZSTD_c_strategy, (int)strategy);
        Set(ZSTD_cParameter.ZSTD_c_hashLog, hash);
        Set(ZSTD_cParameter.ZSTD_c_chainLog, chain);
        Set(ZSTD_cParameter.ZSTD_c_searchLog, search);
        Set(ZSTD_cParameter.ZSTD_c_minMatch, match);
        Set(ZSTD_cParameter.ZSTD_c_targetLength, target);
    }

    private void Set(ZSTD_cParameter parameter, int value)
    {
        if (Methods.ZSTD_isError(Methods.ZSTD_CCtx_setParameter(context, parameter, value)))
            throw new InvalidOperationException($"zstd does not take {parameter} = {value}.");
    }
}
