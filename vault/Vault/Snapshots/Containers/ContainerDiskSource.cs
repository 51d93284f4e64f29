using System.Collections.Concurrent;
using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>The disk in a container, as a stream: grains where it has them, zeros elsewhere.</summary>
internal sealed class ContainerDiskSource : ChunkSource
{
    private readonly VmdkContainer container;
    private readonly List<(long First, long End)> ranges = [];
    private readonly ConcurrentBag<GrainCoder> coders = [];

    /// <summary>A stream of the container's disk.</summary>
    public ContainerDiskSource(VmdkContainer container, StreamInfo stream)
        : base(stream)
    {
        this.container = container;
        GrainMap map = container.Map;
        foreach (ref readonly Placement p in map.ByGrain)
        {
            long start = (long)p.Grain * map.GrainBytes, first = start / FormatLimits.ChunkBytes;
            long end = (start + map.DiskLength(p) + FormatLimits.ChunkBytes - 1) / FormatLimits.ChunkBytes;
            if (ranges.Count > 0 && ranges[^1].End >= first)
                ranges[^1] = (ranges[^1].First, Math.Max(end, ranges[^1].End));
            else
                ranges.Add((first, end));
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<(long First, long End)> ChunkRanges => ranges;

    /// <inheritdoc/>
    public override void ReadAt(long offset, Span<byte> into)
    {
        GrainMap map = container.Map;
        int i = map.IndexAfter((ulong)(offset / map.GrainBytes));
        for (; into.Length > 0 && i < map.ByGrain.Length; i++)
        {
            Placement p = map.ByGrain[i];
            long start = (long)p.Grain * map.GrainBytes, end = start + map.DiskLength(p);
            int zeros = (int)Math.Clamp(start - offset, 0, into.Length);
            into[..zeros].Clear();
            into = into[zeros..];
            offset += zeros;
            int length = (int)Math.Min(into.Length, end - offset);
            if (length <= 0)
                break;
            if (p.IsDeflated)
                Inflate(p, (int)(offset - start), into[..length]);
            else
                container.File.Read(p.FileOffset + (offset - start), into[..length]);
            into = into[length..];
            offset += length;
        }
        into.Clear();
    }

    /// <inheritdoc/>
    public override void CheckUnchanged() => container.File.CheckUnchanged();

    /// <summary>Frees what inflates; the container is another's.</summary>
    public override void Dispose()
    {
        while (coders.TryTake(out GrainCoder? coder))
            coder.Dispose();
    }

    private void Inflate(in Placement p, int from, Span<byte> into)
    {
        GrainCoder coder = coders.TryTake(out GrainCoder? idle) ? idle : new GrainCoder(container.Map.GrainBytes);
        try
        {
            if (coder.TryInflate(container.File, p.Sector, p.Grain) == 0 || coder.Plain.Length < from + into.Length)
                throw container.File.Changed();
            coder.Plain.Slice(from, into.Length).CopyTo(into);
        }
        finally
        {
            coders.Add(coder);
        }
    }
}
