using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>HAVE_REPLY: one bit for each id asked, the first in the highest bit of the first byte.</summary>
public sealed record HaveReply : IWireReply<HaveReply>
{
    /// <summary>For each id of the request, in its order.</summary>
    public required IReadOnlyList<bool> Has { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.HaveReply;

    /// <inheritdoc/>
    public WireType Type => WireType.HaveReply;

    /// <inheritdoc/>
    public int BodyBytes => 2 + (Has.Count + 7) / 8;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out HaveReply? message)
    {
        var r = new ByteReader(body);
        int count = r.UInt16();
        r.Require(count is >= 1 and <= WireLimits.HaveIdsMax);
        ReadOnlySpan<byte> bits = r.Bytes((count + 7) / 8);
        r.Require(!r.Failed && (count % 8 == 0 || (bits[^1] & 0xFF >> count % 8) == 0));
        message = r.IsAtEnd ? new() { Has = Unpack(bits, count) } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt16(Has.Count);
        for (int i = 0; i < Has.Count; i += 8)
        {
            int bits = 0;
            for (int j = 0; j < 8; j++)
                bits = bits << 1 | (i + j < Has.Count && Has[i + j] ? 1 : 0);
            w.Byte((byte)bits);
        }
        w.End();
    }

    private static bool[] Unpack(ReadOnlySpan<byte> bits, int count)
    {
        bool[] has = new bool[count];
        for (int i = 0; i < count; i++)
            has[i] = (bits[i / 8] & 0x80 >> i % 8) != 0;
        return has;
    }
}
