namespace VmPod.Vault.Snapshots.Containers;

/// <summary>Tries every deflated grain that the tables name: only those whose bytes in the file can be made again are taken out of it.</summary>
internal static class DeflatedGrains
{
    /// <summary>The grains that can be made again. Null if none of the first tried can.</summary>
    public static List<Placement>? Try(TakenFile file, VmdkHeader header, List<Placement> named, CancellationToken cancel)
    {
        var placements = new Placement[named.Count];
        int tried = 0, made = 0, usual = 0;
        var options = new ParallelOptions { CancellationToken = cancel, MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount) };
        try
        {
            Parallel.For(0, named.Count, options, () => new GrainCoder(header.GrainBytes), (i, state, coder) =>
            {
                Placement p = named[i];
                Interlocked.Increment(ref tried);
                if (Volatile.Read(ref tried) > ContainerLimits.GrainsTriedMin && Volatile.Read(ref made) == 0)
                    state.Stop();
                else if (Found(file, header, p, coder, (byte)Volatile.Read(ref usual)) is { } found)
                {
                    Volatile.Write(ref usual, found.Level & ~Placement.Padded);
                    Interlocked.Increment(ref made);
                    placements[i] = found;
                }
                return coder;
            }, coder => coder.Dispose());
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        return made == 0 && named.Count > 0 ? null : [.. placements.Where(p => p.IsDeflated)];
    }

    private static Placement? Found(TakenFile file, VmdkHeader header, Placement p, GrainCoder coder, byte usual)
    {
        int sectors = coder.TryInflate(file, p.Sector, p.Grain), length = (int)GrainMap.DiskLength(header.DiskBytes, header.GrainBytes, p.Grain, 1);
        // The disk may end within its last grain: what stands behind is not in the disk's stream, and can only be zeros.
        bool isPadded = coder.Plain.Length == header.GrainBytes && length < header.GrainBytes;
        if (sectors == 0 || (!isPadded && coder.Plain.Length != length) || coder.Plain[length..].IndexOfAnyExcept((byte)0) >= 0)
            return null;
        byte level = coder.FindLevel(usual);
        return level == 0 ? null : p with { DeflatedSectors = (ushort)sectors, Level = (byte)(level | (isPadded ? Placement.Padded : 0)) };
    }
}
