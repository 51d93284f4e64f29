using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots.Containers;

namespace VmPod.Vault.Tests.Fuzz;

/// <summary>A parser of bytes that may come from anybody.</summary>
/// <param name="Name">Its name, and that of its corpus.</param>
/// <param name="Parse">Null if it refuses the bytes; else what writing again gives, or the bytes themselves where there is no writer.</param>
internal sealed record FuzzTarget(string Name, Func<byte[], byte[]?> Parse)
{
    private const int CellBytes = 16 * 1024;

    internal static readonly IReadOnlyList<FuzzTarget> All =
    [
        new("cell", bytes => CellHeader.TryRead(bytes, out _) ? bytes : null),
        new("content", Content),
        new("map-leaf", bytes => TableLeaf<PayloadRef, MapValue>.TryRead(bytes, []) ? bytes : null),
        new("tag-leaf", bytes => TableLeaf<ChangeTag, TagValue>.TryRead(bytes, []) ? bytes : null),
        new("manifest", bytes => Manifest.TryRead(bytes, out Manifest? manifest) ? manifest!.ToBytes() : null),
        new("head", bytes => Refused(() => HeadRecord.Parse(bytes)) is { } head ? [.. head.EncodeUnsigned(), .. head.Signature.Span] : null),
        new("slot", bytes => SlotRecord.TryParse(bytes, 0, out SlotRecord? slot) || SlotRecord.TryParse(bytes, 1, out slot) ? slot!.Encode() : null),
        new("descriptor", bytes => Refused(() => VaultDescriptor.Parse(bytes))?.Encode()),
        new("commit", bytes => Refused(() => CommitEntry.Read(bytes))?.ToBytes()),
        new("lease", bytes => LeaseEntry.TryRead(bytes)?.ToBytes()),
        new("session", bytes => SessionNameEntry.TryRead(bytes)?.ToBytes()),
        new("epoch", bytes => EpochEntry.TryRead(bytes)?.ToBytes()),
        new("verdict", bytes => VerdictEntry.TryRead(bytes)?.ToBytes()),
        new("pages", Pages),
        new("delta", Delta),
        new("layout", bytes => LayoutProgram.TryRead(bytes, 4096, 1 << 20) is null ? null : bytes),
    ];

    [ThreadStatic]
    private static ChunkDecoder? t_decoder;

    [ThreadStatic]
    private static byte[]? t_chunk;

    /// <summary>By its name.</summary>
    internal static FuzzTarget Of(string name) => All.Single(t => t.Name == name);

    // As a reader does: all of it is looked at, so that nothing lazy hides.
    private static byte[]? Content(byte[] bytes)
    {
        byte[] plaintext = bytes;
        if (bytes.Length < CellLayout.Capacity(CellBytes))
        {
            plaintext = Chunk(CellLayout.Capacity(CellBytes)).ToArray();
            bytes.CopyTo(plaintext, 0);
        }
        if (!CellContent.TryParse(plaintext, out CellContent content))
            return null;
        for (int i = 0; i < content.Count; i++)
            _ = content.Bytes(content.Entry(i));
        return bytes;
    }

    private static byte[]? Pages(byte[] bytes)
    {
        if (bytes.Length == 0)
            return null;
        Codec codec = bytes[0] % 2 == 0 ? Codec.PageRef : Codec.Patch;
        return PagePayload.TryRead(codec, bytes.AsSpan(1), out PagePayload payload) && payload.PlainLength <= FormatLimits.ChunkBytes
            && payload.TryDecode(t_decoder ??= new ChunkDecoder(), payload.Different == 0 ? default : new byte[FormatLimits.PageBytes],
                Chunk(payload.PlainLength)) ? bytes : null;
    }

    private static byte[]? Delta(byte[] bytes) =>
        (t_decoder ??= new ChunkDecoder()).TryInflate(bytes, Chunk(2 * FormatLimits.PageBytes)[FormatLimits.PageBytes..], Chunk(FormatLimits.PageBytes))
            ? bytes : null;

    private static Span<byte> Chunk(int length)
    {
        t_chunk ??= new byte[FormatLimits.ChunkBytes];
        Span<byte> chunk = t_chunk.AsSpan(0, length);
        chunk.Clear();
        return chunk;
    }

    // The one exception that a parser declares.
    private static T? Refused<T>(Func<T> parse)
        where T : class
    {
        try
        {
            return parse();
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.Damaged or ExitCode.Refused)
        {
            return null;
        }
    }
}
