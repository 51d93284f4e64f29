using System.Buffers.Binary;

namespace VmPod.Testing;

/// <summary>Reads a capture in pcap's format (little-endian, Ethernet), as tcpdump -w writes it: packets, and the TCP segments of IPv4 in them.</summary>
internal static class PcapFile
{
    private const uint MagicMicroseconds = 0xA1B2C3D4, MagicNanoseconds = 0xA1B23C4D, Ethernet = 1;
    private const int HeaderBytes = 24, PacketHeaderBytes = 16, PacketBytesMax = 262_144;

    /// <summary>Each packet, whole. The memory is good until the next one.</summary>
    /// <exception cref="FormatException">It is no such file, or a packet was cut.</exception>
    internal static IEnumerable<ReadOnlyMemory<byte>> Packets(Stream file)
    {
        byte[] header = new byte[HeaderBytes];
        file.ReadExactly(header);
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) is not (MagicMicroseconds or MagicNanoseconds)
            || BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(20)) != Ethernet)
            throw new FormatException("This is no capture of an Ethernet in pcap's format.");
        byte[] packet = new byte[PacketBytesMax];
        while (file.ReadAtLeast(header.AsSpan(0, PacketHeaderBytes), PacketHeaderBytes, throwOnEndOfStream: false) == PacketHeaderBytes)
        {
            uint there = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8)), was = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(12));
            if (there != was || there > PacketBytesMax)
                throw new FormatException($"The capture has {there} bytes of a packet of {was}.");
            file.ReadExactly(packet, 0, (int)there);
            yield return packet.AsMemory(0, (int)there);
        }
    }

    /// <summary>The TCP segment in a packet; null if there is none.</summary>
    internal static TcpSegment? Segment(ReadOnlyMemory<byte> packet)
    {
        const int EthernetBytes = 14, IPv4 = 0x0800, Tcp = 6, Syn = 2;
        ReadOnlySpan<byte> bytes = packet.Span;
        if (bytes.Length < EthernetBytes + 20 || BinaryPrimitives.ReadUInt16BigEndian(bytes[12..]) != IPv4)
            return null;
        ReadOnlySpan<byte> ip = bytes[EthernetBytes..];
        int ipBytes = (ip[0] & 15) * 4, total = BinaryPrimitives.ReadUInt16BigEndian(ip[2..]);
        if (ip[9] != Tcp || total > ip.Length || total < ipBytes + 20)
            return null;
        ReadOnlySpan<byte> tcp = ip[ipBytes..total];
        int tcpBytes = (tcp[12] >> 4) * 4;
        ushort fromPort = BinaryPrimitives.ReadUInt16BigEndian(tcp), toPort = BinaryPrimitives.ReadUInt16BigEndian(tcp[2..]);
        ulong from = (ulong)BinaryPrimitives.ReadUInt32BigEndian(ip[12..]) << 16 | fromPort;
        ulong to = (ulong)BinaryPrimitives.ReadUInt32BigEndian(ip[16..]) << 16 | toPort;
        return new TcpSegment(from, to, fromPort, toPort, BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]), (tcp[13] & Syn) != 0,
            packet.Slice(EthernetBytes + ipBytes + tcpBytes, total - ipBytes - tcpBytes));
    }
}
