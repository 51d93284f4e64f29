using System.Buffers.Binary;

namespace VmPod.Sync.Discovery.Dns;

/// <summary>Writes packets. Names are compressed where RFC 6762, 18.14, says so; that of an SRV's host is not, for readers of plain DNS.</summary>
internal sealed class DnsWriter
{
    private const int ClassIn = 1, TopBit = 0x8000, PointerBits = 0xC000, PointerMax = 0x3FFF;
    private readonly byte[] packet;
    private readonly Dictionary<DnsName, int> written = [];
    private int at = DnsReader.HeaderBytes;

    private DnsWriter(int bytesMax) => packet = new byte[bytesMax];

    /// <summary>Writes a packet. Of each section what does not fit any more is left out.</summary>
    internal static byte[] Write(DnsMessage message, int bytesMax = DiscoveryLimits.SentBytesMax)
    {
        const int response = 0x8400, truncated = 0x0200;      // a response is always authoritative (RFC 6762, 18.4)
        var writer = new DnsWriter(bytesMax);
        int questions = message.Questions.TakeWhile(writer.TryQuestion).Count();
        int answers = message.Answers.TakeWhile(writer.TryRecord).Count();
        int authorities = message.Authorities.TakeWhile(writer.TryRecord).Count();
        int additionals = message.Additionals.TakeWhile(writer.TryRecord).Count();
        Span<byte> header = writer.packet;
        BinaryPrimitives.WriteUInt16BigEndian(header, message.Id);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)((message.IsResponse ? response : 0) | (message.IsTruncated ? truncated : 0)));
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)questions);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)answers);
        BinaryPrimitives.WriteUInt16BigEndian(header[8..], (ushort)authorities);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], (ushort)additionals);
        return writer.packet[..writer.at];
    }

    private bool TryQuestion(DnsQuestion question)
    {
        int begun = at;
        return TryName(question.Name, begun) && TryUInt16((int)question.Type, begun) && TryUInt16(ClassIn | (question.WantsUnicast ? TopBit : 0), begun);
    }

    private bool TryRecord(DnsRecord record)
    {
        int begun = at;
        if (!TryName(record.Name, begun) || !TryUInt16((int)record.Type, begun) || !TryUInt16(ClassIn | (record.IsUnique ? TopBit : 0), begun)
            || !TryUInt16((int)(record.TtlSeconds >> 16), begun) || !TryUInt16((int)(record.TtlSeconds & 0xFFFF), begun))
            return false;
        int lengthAt = at;
        if (!TryUInt16(0, begun) || !(record.Type == DnsType.Ptr ? TryName(record.Target, begun) : TryBytes(record.Data, begun)))
            return false;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(lengthAt), (ushort)(at - lengthAt - 2));
        return true;
    }

    private bool TryName(DnsName name, int begun)
    {
        ReadOnlySpan<byte> rest = name.Wire;
        while (rest[0] > 0)
        {
            var suffix = new DnsName(rest);
            if (written.TryGetValue(suffix, out int before))
                return TryUInt16(PointerBits | before, begun);
            if (at <= PointerMax)
                written[suffix] = at;
            if (!TryBytes(rest[..(1 + rest[0])], begun))
                return false;
            rest = rest[(1 + rest[0])..];
        }
        return TryBytes([0], begun);
    }

    private bool TryUInt16(int value, int begun) => TryBytes([(byte)(value >> 8), (byte)(value & 0xFF)], begun);

    // What does not fit is taken back, with the names that began in it.
    private bool TryBytes(ReadOnlySpan<byte> bytes, int begun)
    {
        if (bytes.Length <= packet.Length - at)
        {
            bytes.CopyTo(packet.AsSpan(at));
            at += bytes.Length;
            return true;
        }
        foreach (DnsName name in written.Where(w => w.Value >= begun).Select(w => w.Key).ToList())
            _ = written.Remove(name);
        at = begun;
        return false;
    }
}
