using System.Buffers.Binary;

namespace VmPod.Sync.Discovery.Dns;

/// <summary>Reads packets (RFC 1035, 4; RFC 6762, 18). Whoever is on the link writes them: every length is checked before it is used, and a packet that
/// breaks a rule is dropped whole.</summary>
internal ref struct DnsReader
{
    internal const int HeaderBytes = 12;
    private const int ClassIn = 1, TopBit = 0x8000, PointerBits = 0xC0;
    private readonly ReadOnlySpan<byte> packet;
    private int at;

    private DnsReader(ReadOnlySpan<byte> packet)
    {
        this.packet = packet;
        at = HeaderBytes;
    }

    private readonly int Left => packet.Length - at;

    /// <summary>Reads a packet. False for what is none, or is not of this protocol (another operation, an error).</summary>
    internal static bool TryRead(ReadOnlySpan<byte> packet, out DnsMessage? message)
    {
        const int responseBit = 0x8000, operationBits = 0x7800, truncatedBit = 0x0200, errorBits = 0x000F;
        message = null;
        if (packet.Length is < HeaderBytes or > DiscoveryLimits.PacketBytesMax)
            return false;
        int flags = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        int questions = BinaryPrimitives.ReadUInt16BigEndian(packet[4..]), answers = BinaryPrimitives.ReadUInt16BigEndian(packet[6..]),
            authorities = BinaryPrimitives.ReadUInt16BigEndian(packet[8..]), additionals = BinaryPrimitives.ReadUInt16BigEndian(packet[10..]);
        if ((flags & (operationBits | errorBits)) != 0 || questions > DiscoveryLimits.QuestionsMax
            || answers + authorities + additionals > DiscoveryLimits.RecordsMax)
            return false;
        var reader = new DnsReader(packet);
        var asked = new List<DnsQuestion>();
        for (int i = 0; i < questions; i++)
        {
            if (!reader.TryQuestion(asked))
                return false;
        }
        List<DnsRecord> first = [], second = [], third = [];
        if (!reader.TryRecords(answers, first) || !reader.TryRecords(authorities, second) || !reader.TryRecords(additionals, third))
            return false;
        message = new DnsMessage
        {
            Id = BinaryPrimitives.ReadUInt16BigEndian(packet),
            IsResponse = (flags & responseBit) != 0,
            IsTruncated = (flags & truncatedBit) != 0,
            Questions = asked,
            Answers = first,
            Authorities = second,
            Additionals = third,
        };
        return true;
    }

    private bool TryQuestion(List<DnsQuestion> into)
    {
        if (!TryName(out DnsName? name) || Left < 4)
            return false;
        int type = UInt16(), kind = UInt16();
        if ((kind & ~TopBit) is ClassIn or (int)DnsType.Any)
            into.Add(new DnsQuestion(name!, Enum.IsDefined((DnsType)type) ? (DnsType)type : DnsType.None, (kind & TopBit) != 0));
        return true;
    }

    private bool TryRecords(int count, List<DnsRecord> into)
    {
        for (int i = 0; i < count; i++)
        {
            if (!TryName(out DnsName? name) || Left < 10)
                return false;
            int type = UInt16(), kind = UInt16();
            uint ttl = BinaryPrimitives.ReadUInt32BigEndian(packet[at..]);
            at += 4;
            int length = UInt16(), end = at + length;
            if (end > packet.Length)
                return false;
            if ((kind & ~TopBit) == ClassIn)
            {
                if (!TryData((DnsType)type, end, out byte[]? data))
                    return false;
                if (data is not null)
                    into.Add(new DnsRecord(name!, (DnsType)type, (kind & TopBit) != 0, ttl, data));
            }
            at = end;
        }
        return true;
    }

    // False: wrong. Null: of a type that nobody here looks at.
    private bool TryData(DnsType type, int end, out byte[]? data)
    {
        const int srvFixed = 6;
        data = null;
        int length = end - at;
        switch (type)
        {
            case DnsType.A or DnsType.Aaaa:
                if (length != (type == DnsType.A ? 4 : 16))
                    return false;
                data = packet.Slice(at, length).ToArray();
                return true;
            case DnsType.Txt:
                for (int from = at; from < end; from += 1 + packet[from])
                {
                    if (from + 1 + packet[from] > end)
                        return false;
                }
                data = packet.Slice(at, length).ToArray();
                return length > 0;
            case DnsType.Ptr:
                if (!TryName(out DnsName? target) || at != end)
                    return false;
                data = target!.Wire.ToArray();
                return true;
            case DnsType.Srv:
                if (length <= srvFixed)
                    return false;
                ReadOnlySpan<byte> fixedPart = packet.Slice(at, srvFixed);
                at += srvFixed;
                if (!TryName(out DnsName? host) || at != end)
                    return false;
                data = [.. fixedPart, .. host!.Wire];
                return true;
            default:
                return true;
        }
    }

    // A pointer leads to before the piece that it stands in: each goes further back, so there are no loops; their number is bounded too.
    private bool TryName(out DnsName? name)
    {
        name = null;
        Span<byte> wire = stackalloc byte[DiscoveryLimits.NameBytesMax];
        int used = 0, pointers = 0, from = at, piece = at;
        bool isAway = false;
        while (true)
        {
            if (from >= packet.Length)
                return false;
            int length = packet[from];
            if ((length & PointerBits) == PointerBits)
            {
                if (from + 1 >= packet.Length || ++pointers > DiscoveryLimits.NamePointersMax)
                    return false;
                int target = (length & ~PointerBits) << 8 | packet[from + 1];
                if (target >= piece || target < HeaderBytes)
                    return false;
                if (!isAway)
                    at = from + 2;
                isAway = true;
                from = piece = target;
                continue;
            }
            if (length > DiscoveryLimits.LabelBytesMax || from + 1 + length > packet.Length || used + 1 + length + (length > 0 ? 1 : 0) > wire.Length)
                return false;
            packet.Slice(from, 1 + length).CopyTo(wire[used..]);
            used += 1 + length;
            from += 1 + length;
            if (length > 0)
                continue;
            if (!isAway)
                at = from;
            name = new DnsName(wire[..used]);
            return true;
        }
    }

    private int UInt16()
    {
        int value = BinaryPrimitives.ReadUInt16BigEndian(packet[at..]);
        at += 2;
        return value;
    }
}
