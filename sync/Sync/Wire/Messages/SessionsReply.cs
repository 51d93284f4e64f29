using System.Diagnostics.CodeAnalysis;
using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>SESSIONS: all sessions of the vault.</summary>
public sealed record SessionsReply : IWireReply<SessionsReply>
{
    private const int LineBytesMin = SessionHandle.Size + 2 + 1 + 8 + 8 + 8;

    /// <summary>At most <see cref="WireLimits.SessionsMax"/>.</summary>
    public required IReadOnlyList<SessionLine> Lines { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Sessions;

    /// <inheritdoc/>
    public WireType Type => WireType.Sessions;

    /// <inheritdoc/>
    public int BodyBytes => 4 + Lines.Sum(l => LineBytesMin + Encoding.UTF8.GetByteCount(l.Name));

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out SessionsReply? message)
    {
        var r = new ByteReader(body);
        uint count = r.UInt32();
        r.Require(count <= WireLimits.SessionsMax && r.Remaining >= count * LineBytesMin);
        var lines = new SessionLine[r.Failed ? 0 : (int)count];
        for (int i = 0; i < lines.Length && !r.Failed; i++)
            lines[i] = new(r.Handle(), r.WireText(WireLimits.SessionNameBytesMax), r.Flag(), r.UInt64(), r.UInt64(), r.UInt64());
        message = r.IsAtEnd ? new() { Lines = lines } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt32((uint)Lines.Count);
        foreach (SessionLine line in Lines)
        {
            w.Handle(line.Handle);
            w.Text(line.Name, WireLimits.SessionNameBytesMax);
            w.Flag(line.IsLeaseOpen);
            w.UInt64(line.CommitCount);
            w.UInt64(line.TipGeneration);
            w.UInt64(line.TimeMs);
        }
        w.End();
    }
}
