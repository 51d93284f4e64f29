namespace VmPod.Testing;

/// <summary>
/// Reads a capture as an eavesdropper would: looks for canaries in each packet and in each connection put together, and measures the frames inside the TLS
/// connections with the pod by the lengths of their records.
/// </summary>
/// <remarks>
/// Frames are those of sync/SPEC.md, S-60 and S-61: nine bytes of header; a PUT_CELL holds a cell; a CELL holds an index, a status, a key and a cell; an IDS
/// holds a flag, a count and ids. A cell is 16 KiB at least, so shorter frames hold none.
/// </remarks>
/// <param name="podPort">Where the pod listens; the port after it is for pairing.</param>
/// <param name="cellBytes">Bytes of a cell of this vault.</param>
/// <param name="canaries">What must not be there.</param>
/// <param name="controls">What was sent in the clear.</param>
public sealed class WireAnalysis(int podPort, int cellBytes, IReadOnlyList<byte[]> canaries, IReadOnlyList<byte[]> controls)
{
    private const int FrameHeaderBytes = 9, CellFieldsBytes = 2 + 1 + 32, IdListFieldsBytes = 1 + 4, IdBytes = 32, IdsMax = 8192;

    /// <summary>No cell of any vault is smaller (vault/SPEC.md).</summary>
    private const int SmallestCellBytes = 16_384;

    private readonly CanarySearch search = new(canaries), control = new(controls);
    private readonly int overlap = canaries.Max(c => c.Length) - 1;
    private readonly Dictionary<(ulong From, ulong To), Direction> open = [];
    private readonly List<Direction> all = [];
    private readonly SortedSet<long> otherLengths = [];
    private long cellsToPod, cellsFromPod, idLists, otherFrames, smallFrames, smallBytes, unopened;

    /// <summary>Bytes of a frame to the pod that holds a cell.</summary>
    public int PutCellFrameBytes => FrameHeaderBytes + cellBytes;

    /// <summary>Bytes of a frame from the pod that holds a cell.</summary>
    public int CellFrameBytes => FrameHeaderBytes + CellFieldsBytes + cellBytes;

    /// <summary>Reads it all.</summary>
    /// <exception cref="FormatException">The file is no capture, or the pod's port spoke something else than TLS.</exception>
    public WireReport Read(string file)
    {
        using var bytes = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 20);
        return Read(bytes);
    }

    /// <summary>Reads it all.</summary>
    public WireReport Read(Stream capture)
    {
        long packets = 0, packetBytes = 0;
        int hits = 0, controlHits = 0;
        foreach (ReadOnlyMemory<byte> packet in PcapFile.Packets(capture))
        {
            packets++;
            packetBytes += packet.Length;
            hits += search.Count(packet.Span);
            controlHits += control.Count(packet.Span);
            if (PcapFile.Segment(packet) is TcpSegment segment)
                Add(segment);
        }
        foreach (Direction direction in all)
            hits += direction.Hits;
        return new WireReport(packets, packetBytes, all.Count(d => d.IsToPod), cellsToPod, cellsFromPod, idLists, otherFrames, [.. otherLengths],
            smallFrames, smallBytes, unopened + all.Sum(d => d.Stranded), hits, controlHits);
    }

    private void Add(in TcpSegment segment)
    {
        bool toPod = IsPods(segment.ToPort);
        if (segment.IsSyn)
        {
            // A pair of ports may be used again, by another connection.
            var begun = new Direction(this, unchecked(segment.Sequence + 1), toPod, IsPods(segment.FromPort) || toPod);
            open[(segment.From, segment.To)] = begun;
            all.Add(begun);
        }
        else if (open.TryGetValue((segment.From, segment.To), out Direction? direction))
        {
            direction.Add(segment.Sequence, segment.Data.Span);
        }
        else
        {
            unopened += segment.Data.Length;
        }
    }

    private bool IsPods(ushort port) => port == podPort || port == podPort + 1;

    private void Frame(long bytes, bool toPod)
    {
        if (bytes < SmallestCellBytes)
        {
            smallFrames++;
            smallBytes += bytes;
        }
        else if (toPod && bytes == PutCellFrameBytes)
        {
            cellsToPod++;
        }
        else if (!toPod && bytes == CellFrameBytes)
        {
            cellsFromPod++;
        }
        else if (toPod && (bytes - FrameHeaderBytes - IdListFieldsBytes) is var ids && ids % IdBytes == 0 && ids / IdBytes <= IdsMax)
        {
            idLists++;
        }
        else
        {
            otherFrames++;
            otherLengths.Add(bytes);
        }
    }

    // One direction of one connection: its bytes in order, searched across segments, and measured if it is one of the pod's.
    private sealed class Direction
    {
        private readonly WireAnalysis analysis;
        private readonly TcpBytes bytes;
        private readonly TlsFrames? frames;
        private readonly byte[] tail;
        private int tailBytes;

        internal Direction(WireAnalysis analysis, uint first, bool isToPod, bool isTls)
        {
            this.analysis = analysis;
            IsToPod = isToPod;
            bytes = new TcpBytes(first, Take);
            frames = isTls ? new TlsFrames(n => analysis.Frame(n, isToPod)) : null;
            tail = new byte[2 * analysis.overlap];
        }

        internal bool IsToPod { get; }

        // Canaries that no single packet held, since they lay across two.
        internal int Hits { get; private set; }

        internal long Stranded => bytes.Stranded;

        internal void Add(uint sequence, ReadOnlySpan<byte> data) => bytes.Add(sequence, data);

        private void Take(ReadOnlySpan<byte> data)
        {
            frames?.Add(data);
            int keep = analysis.overlap, head = Math.Min(keep, data.Length);
            data[..head].CopyTo(tail.AsSpan(tailBytes));
            Hits += analysis.search.Count(tail.AsSpan(0, tailBytes + head));
            // The last bytes of all, for the next segment.
            int kept = Math.Min(keep, tailBytes + data.Length);
            if (data.Length >= keep)
                data[^keep..].CopyTo(tail);
            else
                tail.AsSpan(tailBytes + head - kept, kept).CopyTo(tail);
            tailBytes = kept;
        }
    }
}
