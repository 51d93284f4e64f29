using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>ATTACHED: where the lease stands on the pod.</summary>
public sealed record AttachedReply : IWireReply<AttachedReply>
{
    /// <summary>Number of the lease's last commit; 0 if it has none.</summary>
    public required ulong LastNumber { get; init; }

    /// <summary>Hash of the log entry of that commit; zeros if there is none.</summary>
    public required Digest EntryHash { get; init; }

    /// <summary>Where that entry begins; 2^64-1 if there is none.</summary>
    public required ulong EntryOffset { get; init; }

    /// <summary>Milliseconds from now until the lease expires; 0 if it is closed.</summary>
    public required uint ExpiresInMs { get; init; }

    /// <summary>Whether the lease is open: a closed one takes a residue as a fork only.</summary>
    public required bool IsOpen { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Attached;

    /// <inheritdoc/>
    public WireType Type => WireType.Attached;

    /// <inheritdoc/>
    public int BodyBytes => 8 + Digest.Size + 8 + 4 + 1;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out AttachedReply? message)
    {
        var r = new ByteReader(body);
        ulong number = r.UInt64();
        Digest hash = r.Hash();
        ulong offset = r.UInt64();
        uint expires = r.UInt32();
        bool isOpen = r.Flag();
        r.Require(number != 0 || (hash == Digest.Zero && offset == ulong.MaxValue));
        r.Require(isOpen || expires == 0);
        message = r.IsAtEnd ? new() { LastNumber = number, EntryHash = hash, EntryOffset = offset, ExpiresInMs = expires, IsOpen = isOpen } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt64(LastNumber);
        w.Hash(EntryHash);
        w.UInt64(EntryOffset);
        w.UInt32(ExpiresInMs);
        w.Flag(IsOpen);
        w.End();
    }
}
