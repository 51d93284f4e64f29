using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>The files of a put, those that hold a disk of their own taken apart into two streams: the file's, which has the layout, and the disk's.</summary>
internal sealed class ContainerSet : IDisposable
{
    private readonly Dictionary<string, VmdkContainer> byName = [];
    private readonly ContainerBudget budget = new();

    /// <summary>What is put, disks first: pages of memory refer to pages of disks.</summary>
    public IReadOnlyList<SnapshotFile> Files { get; private set; } = [];

    /// <summary>Sparse VMDKs that are stored as plain files, and why.</summary>
    public List<string> Whole { get; } = [];

    /// <summary>Opens what can be taken apart.</summary>
    public static ContainerSet Open(IReadOnlyList<SnapshotFile> files, CancellationToken cancel)
    {
        var set = new ContainerSet();
        try
        {
            List<SnapshotFile> all = [];
            foreach (SnapshotFile file in files)
            {
                cancel.ThrowIfCancellationRequested();
                all.AddRange(set.TakeApart(file, room: FormatLimits.StreamsMax - files.Count - set.byName.Count, cancel));
            }
            set.Files = [.. all.OrderBy(f => f.Kind switch { StreamKind.Disk => 0, StreamKind.Memory => 2, _ => 1 })];
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <summary>Where the stream's bytes come from.</summary>
    public ChunkSource Source(SnapshotFile file, StreamInfo stream)
    {
        if (file.Kind == StreamKind.Container)
            return new LayoutSource(byName[file.Name], stream);
        return ContainerNames.OwnerOf(file.Name) is { } owner && byName.TryGetValue(owner, out VmdkContainer? container)
            ? new ContainerDiskSource(container, stream) : new FileSource(file, stream);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (VmdkContainer container in byName.Values)
            container.Dispose();
    }

    private IEnumerable<SnapshotFile> TakeApart(SnapshotFile file, int room, CancellationToken cancel)
    {
        if (file.Kind != StreamKind.File || file.Length < VmdkHeader.Bytes || ContainerNames.DiskOf(file.Name) is not { } disk || room <= 0)
            return [file];
        VmdkContainer? container = VmdkContainer.TryOpen(file.Path, budget, out string? why, cancel);
        if (why is not null)
            Whole.Add($"{file.Name}: {why}");
        if (container is null)
            return [file];
        byName.Add(file.Name, container);
        return
        [
            file with { Kind = StreamKind.Container, Length = container.LayoutBytes },
            file with { Name = disk, Kind = StreamKind.Disk, Length = container.Map.DiskBytes, Mode = 0, ModifiedNs = 0 },
        ];
    }
}
