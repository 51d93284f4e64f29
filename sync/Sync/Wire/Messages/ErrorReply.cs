using System.Diagnostics.CodeAnalysis;
using System.Text;
using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>ERROR: the request failed, told to a person; cleaned on both sides.</summary>
public sealed record ErrorReply : IWireReply<ErrorReply>
{
    /// <summary>How the command ends: 1 to 9.</summary>
    public required ExitCode ExitCode { get; init; }

    /// <summary>What happened; at most 512 bytes are sent.</summary>
    public required string Message { get; init; }

    /// <summary>What to do next; may be empty, at most 512 bytes are sent.</summary>
    public required string Cure { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Error;

    /// <inheritdoc/>
    public WireType Type => WireType.Error;

    /// <inheritdoc/>
    public int BodyBytes => 1 + 2 + Encoding.UTF8.GetByteCount(Clean(Message)) + 2 + Encoding.UTF8.GetByteCount(Clean(Cure));

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out ErrorReply? message)
    {
        var r = new ByteReader(body);
        byte code = r.Byte();
        ReadOnlySpan<byte> what = r.Counted(WireLimits.ErrorTextBytesMax), cure = r.Counted(WireLimits.ErrorTextBytesMax);
        r.Require(code is >= (byte)ExitCode.Bug and <= (byte)ExitCode.Missing);
        message = r.IsAtEnd ? new() { ExitCode = (ExitCode)code, Message = WireText.Clean(what), Cure = WireText.Clean(cure) } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Byte((byte)ExitCode);
        w.Text(Clean(Message), WireLimits.ErrorTextBytesMax);
        w.Text(Clean(Cure), WireLimits.ErrorTextBytesMax);
        w.End();
    }

    private static string Clean(string text) => WireText.Clean(text, WireLimits.ErrorTextBytesMax);
}
