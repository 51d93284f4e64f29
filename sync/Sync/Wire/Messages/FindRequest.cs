using System.Diagnostics.CodeAnalysis;
using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>FIND: a session by its name, or by its handle as 32 hexadecimal digits.</summary>
public sealed record FindRequest : IWireRequest<SessionReply>
{
    /// <summary>The name or the handle, not empty, printable.</summary>
    public required string Name { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.Find;

    /// <inheritdoc/>
    public int BodyBytes => 2 + Encoding.UTF8.GetByteCount(Name);

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out FindRequest? message)
    {
        var r = new ByteReader(body);
        string name = r.WireText(WireLimits.SessionNameBytesMax);
        r.Require(name.Length > 0);
        message = r.IsAtEnd ? new() { Name = name } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Text(Name, WireLimits.SessionNameBytesMax);
        w.End();
    }
}
