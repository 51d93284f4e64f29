using System.Diagnostics.CodeAnalysis;
using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>HELLO of a host.</summary>
public sealed record HostHello : IWireHello
{
    /// <summary>Random for each boot of the host: two links with one id are of one running host.</summary>
    public required UInt128 BootId { get; init; }

    /// <summary>The host's clock, ms since 1970: for the log, never for a decision.</summary>
    public required ulong TimeMs { get; init; }

    /// <summary>What the host calls itself: printable, at most 64 bytes, may be empty.</summary>
    public required string DisplayName { get; init; }

    /// <inheritdoc/>
    public WireRole Role => WireRole.Host;

    /// <inheritdoc/>
    public WireVersions Versions { get; init; } = WireVersions.Own;

    /// <inheritdoc/>
    public WireType Type => WireType.Hello;

    /// <inheritdoc/>
    public int BodyBytes => HelloPrefix.Bytes + 16 + 8 + 2 + Encoding.UTF8.GetByteCount(DisplayName);

    /// <summary>Reads a body. False unless it is canonical and within the limits.</summary>
    /// <exception cref="Foundation.VmPodException">The versions do not meet (exit code 4).</exception>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out HostHello? message)
    {
        message = null;
        var r = new ByteReader(body);
        if (!HelloPrefix.TryRead(ref r, WireRole.Host, out WireVersions versions))
            return false;
        UInt128 boot = r.UInt128();
        ulong time = r.UInt64();
        string name = r.WireText(WireLimits.DisplayNameBytesMax);
        message = r.IsAtEnd ? new() { Versions = versions, BootId = boot, TimeMs = time, DisplayName = name } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        HelloPrefix.Write(ref w, Role, Versions);
        w.UInt128(BootId);
        w.UInt64(TimeMs);
        w.Text(DisplayName, WireLimits.DisplayNameBytesMax);
        w.End();
    }
}
