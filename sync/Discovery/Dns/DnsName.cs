using System.Text;

namespace VmPod.Sync.Discovery.Dns;

/// <summary>A name: labels of bytes, at most 255 in all. Equal without regard to the case of ASCII letters (RFC 6762, 16).</summary>
public sealed class DnsName : IEquatable<DnsName>
{
    // Each label after its length, and a zero.
    private readonly byte[] wire;

    internal DnsName(ReadOnlySpan<byte> wire) => this.wire = wire.ToArray();

    /// <summary>As it stands in a packet, uncompressed.</summary>
    public ReadOnlySpan<byte> Wire => wire;

    /// <summary>The first label; empty for the root.</summary>
    public ReadOnlySpan<byte> FirstLabel => wire.AsSpan(1, wire[0]);

    /// <summary>A name of ASCII labels.</summary>
    /// <exception cref="ArgumentException">A label is empty or longer than 63, or the name longer than 255 bytes.</exception>
    public static DnsName Of(params ReadOnlySpan<string> labels)
    {
        Span<byte> bytes = stackalloc byte[DiscoveryLimits.NameBytesMax];
        int at = 0;
        foreach (string label in labels)
        {
            if (label.Length is 0 or > DiscoveryLimits.LabelBytesMax || at + label.Length + 2 > bytes.Length)
                throw new ArgumentException("This is no name.", nameof(labels));
            bytes[at++] = (byte)label.Length;
            at += Encoding.ASCII.GetBytes(label, bytes[at..]);
        }
        bytes[at++] = 0;
        return new DnsName(bytes[..at]);
    }

    /// <summary>This name with one more label before it.</summary>
    /// <exception cref="ArgumentException">As for <see cref="Of"/>.</exception>
    public DnsName Under(string label)
    {
        byte[] longer = [(byte)Math.Min(label.Length, byte.MaxValue), .. Encoding.ASCII.GetBytes(label), .. wire];
        return label.Length is 0 or > DiscoveryLimits.LabelBytesMax || longer.Length > DiscoveryLimits.NameBytesMax
            ? throw new ArgumentException("This is no name.", nameof(label)) : new DnsName(longer);
    }

    /// <summary>True if this is the other name with one label before it.</summary>
    public bool IsChildOf(DnsName parent) => wire[0] > 0 && IsSame(wire.AsSpan(1 + wire[0]), parent.wire);

    /// <inheritdoc/>
    public bool Equals(DnsName? other) => other is not null && IsSame(wire, other.wire);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as DnsName);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (byte b in wire)
            hash.Add(Lower(b));
        return hash.ToHashCode();
    }

    /// <summary>For people: what is no printable ASCII as \DDD (RFC 1035, 5.1), so that it moves no cursor.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        for (int at = 0; wire[at] > 0; at += 1 + wire[at])
            _ = text.Append(Text(wire.AsSpan(at + 1, wire[at]))).Append('.');
        return text.Length == 0 ? "." : text.ToString(0, text.Length - 1);
    }

    internal static string Text(ReadOnlySpan<byte> label)
    {
        var text = new StringBuilder();
        foreach (byte b in label)
            _ = b is > 0x20 and < 0x7F and not (byte)'.' and not (byte)'\\' ? text.Append((char)b) : text.Append('\\').Append(b.ToString("D3"));
        return text.ToString();
    }

    // Lengths are below 64 and letters above, so one comparison serves both.
    internal static bool IsSame(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        if (a.Length != b.Length)
            return false;
        for (int i = 0; i < a.Length; i++)
        {
            if (Lower(a[i]) != Lower(b[i]))
                return false;
        }
        return true;
    }

    private static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
}
