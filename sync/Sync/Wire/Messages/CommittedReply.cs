using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>COMMITTED: the commit is in the log, and durable.</summary>
public sealed record CommittedReply : IWireReply<CommittedReply>
{
    /// <summary>Hash of its log entry: the next commit's parent.</summary>
    public required Digest EntryHash { get; init; }

    /// <summary>Where the entry begins in the log.</summary>
    public required ulong EntryOffset { get; init; }

    /// <summary>The pod's head after it.</summary>
    public required ulong HeadSeq { get; init; }

    /// <summary>That head's hash.</summary>
    public required Digest HeadHash { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Committed;

    /// <inheritdoc/>
    public WireType Type => WireType.Committed;

    /// <inheritdoc/>
    public int BodyBytes => Digest.Size + 8 + 8 + Digest.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out CommittedReply? message)
    {
        var r = new ByteReader(body);
        Digest entry = r.Hash();
        ulong offset = r.UInt64(), seq = r.UInt64();
        Digest head = r.Hash();
        r.Require(offset <= long.MaxValue);
        message = r.IsAtEnd ? new() { EntryHash = entry, EntryOffset = offset, HeadSeq = seq, HeadHash = head } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Hash(EntryHash);
        w.UInt64(EntryOffset);
        w.UInt64(HeadSeq);
        w.Hash(HeadHash);
        w.End();
    }
}
