using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>LEASE_KEYS: keys of leases, each wrapped under the host's own key, by ascending id.</summary>
public sealed record LeaseKeysReply : IWireReply<LeaseKeysReply>
{
    /// <summary>The keys, at most <see cref="FormatLimits.HomeLeaseKeysMax"/>.</summary>
    public required IReadOnlyList<WrappedLeaseKey> Keys { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.LeaseKeys;

    /// <inheritdoc/>
    public WireType Type => WireType.LeaseKeys;

    /// <inheritdoc/>
    public int BodyBytes => 2 + Keys.Count * WrappedLeaseKey.Bytes;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out LeaseKeysReply? message)
    {
        var r = new ByteReader(body);
        IReadOnlyList<WrappedLeaseKey> keys = WrappedLeaseKey.ReadList(ref r);
        message = r.IsAtEnd ? new() { Keys = keys } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var list = new ByteWriter();
        WrappedLeaseKey.WriteList(list, Keys);
        var w = new SpanWriter(body);
        w.Bytes(list.Written);
        w.End();
    }
}
