using System.Buffers.Binary;
using System.IO.Compression;
using VmPod.Secrets;
using VmPod.Vault.Snapshots.Containers.Deflate;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Deflated grains: out of a file, and made again. One for each thread.</summary>
/// <remarks>A deflated grain stands behind a marker { first sector of the disk u64, bytes u32 }, little-endian, and is padded with zeros to a sector.</remarks>
internal sealed unsafe class GrainCoder : IDisposable
{
    private const int MarkerBytes = 12;

    // By FLEVEL, what zlib says of its level in the second byte: the levels that say so, the usual ones first.
    private static readonly byte[][] LevelsByHint = [[1], [5, 4, 3, 2], [6], [9, 8, 7]];

    private readonly int grainBytes;
    private readonly LockedMemory file, again, plain;
    private readonly ZlibCompressor compressor = new();
    private int inflated;

    /// <summary>For grains of this size.</summary>
    public GrainCoder(int grainBytes)
    {
        this.grainBytes = grainBytes;
        int most = Bytes(Sectors(ZlibCompressor.Bound(grainBytes)));
        (file, again, plain) = (new LockedMemory(most), new LockedMemory(most), new LockedMemory(grainBytes));
    }

    /// <summary>The grain that <see cref="TryInflate"/> gave, of its length.</summary>
    public Span<byte> Plain => plain.Slice(0, inflated);

    /// <summary>Inflates the grain whose marker stands at a sector into <see cref="Plain"/>. The sectors that it takes in the file, or 0 unless it is that
    /// grain, and ends where it says.</summary>
    public int TryInflate(TakenFile source, uint sector, uint grain)
    {
        inflated = 0;
        Span<byte> marker = stackalloc byte[MarkerBytes];
        long offset = (long)sector * Placement.SectorBytes;
        if (!source.TryRead(offset, marker))
            return 0;
        ulong lba = BinaryPrimitives.ReadUInt64LittleEndian(marker);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(marker[sizeof(ulong)..]);
        if (lba != (ulong)grain * (uint)(grainBytes / Placement.SectorBytes) || length < 8 || length > ZlibCompressor.Bound(grainBytes))
            return 0;
        int sectors = Sectors((int)length);
        Span<byte> bytes = file.Slice(0, Bytes(sectors));
        if (!source.TryRead(offset, bytes) || bytes[(MarkerBytes + (int)length)..].IndexOfAnyExcept((byte)0) >= 0)
            return 0;
        using var stream = new UnmanagedMemoryStream(file.Pointer + MarkerBytes, length);
        using var inflater = new ZLibStream(stream, CompressionMode.Decompress);
        try
        {
            inflated = inflater.ReadAtLeast(plain.Slice(0, grainBytes), grainBytes, throwOnEndOfStream: false);
            return sectors;
        }
        catch (InvalidDataException)
        {
            return 0;
        }
    }

    /// <summary>The level at which zlib makes of <see cref="Plain"/> what was inflated, tried first at <paramref name="usual"/>; 0 if there is none.</summary>
    public byte FindLevel(byte usual)
    {
        byte[] levels = LevelsByHint[file.Slice(MarkerBytes + 1, 1)[0] >> 6];
        if (levels.Contains(usual) && IsMadeAt(usual))
            return usual;
        foreach (byte level in levels)
        {
            if (level != usual && IsMadeAt(level))
                return level;
        }
        return 0;
    }

    /// <summary>Deflates a grain as it stood in a file: marker, zlib's bytes, zeros to the end of the sector. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Deflate(ReadOnlySpan<byte> grain, uint number, byte level, long stepsMax = long.MaxValue)
    {
        int length = compressor.Compress(grain, level, again.Slice(MarkerBytes, (int)again.Length - MarkerBytes), stepsMax);
        if (length < 0)
            return default;
        BinaryPrimitives.WriteUInt64LittleEndian(again.Slice(0, sizeof(ulong)), (ulong)number * (uint)(grainBytes / Placement.SectorBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(again.Slice(sizeof(ulong), sizeof(uint)), (uint)length);
        int all = Bytes(Sectors(length));
        again.Slice(MarkerBytes + length, all - MarkerBytes - length).Clear();
        return again.Slice(0, all);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        compressor.Dispose();
        file.Dispose();
        again.Dispose();
        plain.Dispose();
    }

    private bool IsMadeAt(byte level)
    {
        uint number = (uint)(BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, sizeof(ulong))) / (uint)(grainBytes / Placement.SectorBytes));
        ReadOnlySpan<byte> made = Deflate(Plain, number, level, (long)grainBytes * ContainerLimits.DeflateStepsPerByte);
        return made.Length > 0 && made.SequenceEqual(file.Slice(0, made.Length));
    }

    private static int Sectors(int deflatedBytes) => (MarkerBytes + deflatedBytes + Placement.SectorBytes - 1) / Placement.SectorBytes;

    private static int Bytes(int sectors) => sectors * Placement.SectorBytes;
}
