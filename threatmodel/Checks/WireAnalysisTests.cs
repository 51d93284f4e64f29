using System.Buffers.Binary;
using System.Security.Cryptography;
using VmPod.Testing;
using Xunit;

namespace VmPod.ThreatModel.Checks;

/// <summary>The reader of captures, shown to bite: on captures made here, of connections whose content is known.</summary>
public sealed class WireAnalysisTests
{
    private const int PodPort = 7413, CellBytes = 65_536, PutCell = CellBytes + 9, Cell = CellBytes + 44;
    private const uint Host = 0x0A4D0002, Pod = 0x0A4D0001;
    private readonly byte[] canary = RandomNumberGenerator.GetBytes(32), control = RandomNumberGenerator.GetBytes(32);

    [Fact]
    public void Cells_of_one_length_and_lists_of_ids_are_counted_and_nothing_else_is_found()
    {
        byte[] up = [.. Frame(300), .. Frame(PutCell), .. Frame(PutCell), .. Frame(9 + 5 + 32 * 1000), .. Frame(20)];
        byte[] down = [.. Frame(310), .. Frame(Cell), .. Frame(44)];
        WireReport report = Analyse(Connection(up, down, 1448));
        Assert.Equal((2, 1, 1, 0), (report.CellsToPod, report.CellsFromPod, report.IdLists, report.OtherFrames));
        Assert.Equal((4, 300 + 20 + 310 + 44), (report.SmallFrames, report.SmallBytes));
        Assert.Equal((0, 0, 0), (report.BytesMissing, report.Hits, report.ControlHits));
        Assert.Equal(1, report.Links);
    }

    [Theory]
    [InlineData(PutCell - 4096)]
    [InlineData(PutCell + 1)]
    [InlineData(16_384)]
    [InlineData(3 * 16_384)]
    public void A_cell_of_another_length_is_found(int length)
    {
        // The frame after it ends it too, if it is made of full records alone.
        WireReport report = Analyse(Connection([.. Frame(PutCell), .. Frame(length), .. Frame(20)], Frame(20), 60_000));
        Assert.Equal((1, 1), (report.CellsToPod, report.OtherFrames));
        Assert.InRange(Assert.Single(report.OtherLengths), length, length + 20);
    }

    [Fact]
    public void A_cell_that_goes_the_wrong_way_is_none() =>
        Assert.Equal([PutCell], Analyse(Connection(Frame(20), Frame(PutCell), 1448)).OtherLengths);

    [Fact]
    public void Segments_that_came_late_twice_or_overlapping_change_nothing()
    {
        List<byte[]> packets = Connection([.. Frame(PutCell), .. Frame(PutCell)], Frame(Cell), 1448);
        List<byte[]> shuffled = [.. packets.Take(2), .. packets.Skip(2).Reverse(), .. packets.Skip(2)];
        WireReport report = Analyse(shuffled);
        Assert.Equal((2, 1, 0, 0), (report.CellsToPod, report.CellsFromPod, report.OtherFrames, report.BytesMissing));
    }

    [Fact]
    public void What_the_capture_has_not_is_said()
    {
        List<byte[]> packets = Connection(Frame(PutCell), Frame(20), 1448);
        packets.RemoveAt(10);
        WireReport report = Analyse(packets);
        Assert.True(report.BytesMissing > 0);
        Assert.Equal(0, report.CellsToPod);
        Assert.True(Analyse(packets.Skip(2)).BytesMissing > 0);
    }

    [Fact]
    public void A_canary_is_found_in_a_packet_and_across_two_of_them()
    {
        byte[] plain = RandomNumberGenerator.GetBytes(5000);
        canary.CopyTo(plain, 100);
        canary.CopyTo(plain, 1440);
        Assert.Equal(2, Analyse(Connection(plain, [1], 1448, port: 80)).Hits);
        Assert.Equal(2, Analyse(Connection(plain, [1], 7, port: 80)).Hits);
        Assert.Equal(0, Analyse(Connection(RandomNumberGenerator.GetBytes(5000), [1], 7, port: 80)).Hits);
    }

    [Fact]
    public void The_control_is_found_and_is_no_hit()
    {
        WireReport report = Analyse([Ethernet([.. new byte[40], .. control])]);
        Assert.Equal((0, 1), (report.Hits, report.ControlHits));
    }

    [Fact]
    public void Something_else_than_TLS_at_the_pod_is_refused() =>
        Assert.Throws<FormatException>(() => Analyse(Connection("GET / HTTP/1.1\r\n"u8.ToArray(), [1], 1448)));

    private WireReport Analyse(IEnumerable<byte[]> packets)
    {
        var file = new MemoryStream();
        Span<byte> header = stackalloc byte[24], each = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xA1B2C3D4);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        file.Write(header);
        foreach (byte[] packet in packets)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(each[8..], (uint)packet.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(each[12..], (uint)packet.Length);
            file.Write(each);
            file.Write(packet);
        }
        file.Position = 0;
        return new WireAnalysis(PodPort, CellBytes, [canary], [control]).Read(file);
    }

    // As the channel does it: full records, and one with the rest, if there is a rest.
    private static byte[] Frame(int length)
    {
        var records = new MemoryStream();
        for (int left = length; left > 0; left -= 16_384)
        {
            byte[] record = RandomNumberGenerator.GetBytes(5 + Math.Min(left, 16_384) + 17);
            (record[0], record[1], record[2]) = (23, 3, 3);
            BinaryPrimitives.WriteUInt16BigEndian(record.AsSpan(3), (ushort)(record.Length - 5));
            records.Write(record);
        }
        return records.ToArray();
    }

    private static List<byte[]> Connection(byte[] up, byte[] down, int segmentBytes, int port = PodPort)
    {
        // Sequence numbers that wrap around in the middle.
        const uint First = uint.MaxValue - 1000;
        List<byte[]> packets = [Segment(true, First, 2, [], port), Segment(false, First, 18, [], port)];
        foreach ((byte[] bytes, bool isUp) in new[] { (up, true), (down, false) })
        {
            uint at = unchecked(First + 1);
            foreach (byte[] part in bytes.Chunk(segmentBytes))
            {
                packets.Add(Segment(isUp, at, 16, part, port));
                at = unchecked(at + (uint)part.Length);
            }
        }
        return packets;
    }

    private static byte[] Segment(bool isUp, uint sequence, byte flags, byte[] data, int podPort)
    {
        byte[] ip = new byte[40 + data.Length];
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(2), (ushort)ip.Length);
        ip[9] = 6;
        BinaryPrimitives.WriteUInt32BigEndian(ip.AsSpan(12), isUp ? Host : Pod);
        BinaryPrimitives.WriteUInt32BigEndian(ip.AsSpan(16), isUp ? Pod : Host);
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(20), (ushort)(isUp ? 50_000 : podPort));
        BinaryPrimitives.WriteUInt16BigEndian(ip.AsSpan(22), (ushort)(isUp ? podPort : 50_000));
        BinaryPrimitives.WriteUInt32BigEndian(ip.AsSpan(24), sequence);
        (ip[32], ip[33]) = (5 << 4, flags);
        data.CopyTo(ip, 40);
        return Ethernet(ip);
    }

    private static byte[] Ethernet(byte[] payload)
    {
        byte[] packet = new byte[14 + payload.Length];
        packet[12] = 8;
        payload.CopyTo(packet, 14);
        return packet;
    }
}
