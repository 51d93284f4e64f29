using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>FORKS: the forks of a session, by ascending lease.</summary>
public sealed record ForksReply : IWireReply<ForksReply>
{
    /// <summary>At most <see cref="WireLimits.ForksMax"/>.</summary>
    public required IReadOnlyList<ForkLine> Lines { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Forks;

    /// <inheritdoc/>
    public WireType Type => WireType.Forks;

    /// <inheritdoc/>
    public int BodyBytes => 2 + Lines.Sum(l => l.Bytes);

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out ForksReply? message)
    {
        var r = new ByteReader(body);
        int count = r.UInt16();
        r.Require(count <= WireLimits.ForksMax && r.Remaining >= count * ForkLine.BytesMin);
        var lines = new ForkLine[r.Failed ? 0 : count];
        for (int i = 0; i < lines.Length && !r.Failed; i++)
        {
            lines[i] = new(r.UInt64(), r.UInt64(), (GenerationKind)r.Byte(), (CommitTrust)r.Byte(), r.Flag(), r.WireText(WireLimits.DisplayNameBytesMax));
            r.Require((byte)lines[i].Kind is >= 1 and <= 3 && (byte)lines[i].Trust is >= 1 and <= 4 && (i == 0 || lines[i].LeaseId > lines[i - 1].LeaseId));
        }
        message = r.IsAtEnd ? new() { Lines = lines } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt16(Lines.Count);
        foreach (ForkLine line in Lines)
        {
            w.UInt64(line.LeaseId);
            w.UInt64(line.TimeMs);
            w.Byte((byte)line.Kind);
            w.Byte((byte)line.Trust);
            w.Flag(line.Waits);
            w.Text(line.Host, WireLimits.DisplayNameBytesMax);
        }
        w.End();
    }
}
