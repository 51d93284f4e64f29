using System.Diagnostics.CodeAnalysis;
using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>LOG: numbers of the host for the pod's log.</summary>
public sealed record LogRequest : IWireRequest<DoneReply>
{
    /// <summary>What they are about.</summary>
    public required ushort Kind { get; init; }

    /// <summary>At most <see cref="WireLimits.LogNumbersMax"/>.</summary>
    public required IReadOnlyList<LogNumber> Numbers { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.Log;

    /// <inheritdoc/>
    public int BodyBytes => 2 + 1 + Numbers.Sum(n => 2 + Encoding.UTF8.GetByteCount(n.Name) + 8);

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out LogRequest? message)
    {
        var r = new ByteReader(body);
        ushort kind = r.UInt16();
        int count = r.Byte();
        r.Require(count <= WireLimits.LogNumbersMax);
        var numbers = new LogNumber[r.Failed ? 0 : count];
        for (int i = 0; i < numbers.Length && !r.Failed; i++)
        {
            numbers[i] = new(r.WireText(WireLimits.LogNameBytesMax), unchecked((long)r.UInt64()));
            r.Require(numbers[i].Name.Length > 0);
        }
        message = r.IsAtEnd ? new() { Kind = kind, Numbers = numbers } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt16(Kind);
        w.Byte((byte)Numbers.Count);
        foreach (LogNumber number in Numbers)
        {
            w.Text(number.Name, WireLimits.LogNameBytesMax);
            w.UInt64(unchecked((ulong)number.Value));
        }
        w.End();
    }
}
