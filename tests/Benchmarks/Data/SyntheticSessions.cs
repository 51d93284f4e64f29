namespace VmPod.Benchmarks.Data;

/// <summary>Small sessions of mixed entropy: disk pages from empty to random, memory that holds copies of disk pages, and changes from
/// one to the next.</summary>
internal static class SyntheticSessions
{
    private const int PageBytes = 4096, Generations = 4;
    private const long DiskBytes = 512L << 20, DiskDataBytes = 48L << 20, MemoryBytes = 64L << 20;

    /// <summary>Writes gen0 to gen3.</summary>
    public static void Write(string folder)
    {
        var random = new SplitMix(1);
        byte[] disk = new byte[DiskDataBytes], memory = new byte[MemoryBytes], state = new byte[400_000];
        Mutate(disk, random, (int)(DiskDataBytes / PageBytes), run: 16);
        for (int generation = 0; generation < Generations; generation++)
        {
            string into = Directory.CreateDirectory(Path.Join(folder, $"gen{generation}")).FullName;
            Mutate(disk, random, generation == 2 ? 4000 : 200, run: 8);
            Mutate(memory, random, generation == 0 ? 9000 : 1200, run: 3);
            CopyPages(disk, memory, random, generation == 0 ? 3000 : 200);
            Mutate(state, random, 4, run: 1);
            WriteSparse(Path.Join(into, "disk.raw"), disk, DiskBytes);
            WriteSparse(Path.Join(into, "mem.raw"), memory, MemoryBytes);
            WriteSparse(Path.Join(into, "state.bin"), state, state.Length);
        }
    }

    // Runs of pages: a quarter incompressible, a quarter text-like, the rest full of repetitions.
    private static void Mutate(byte[] data, SplitMix random, int pages, int run)
    {
        int all = data.Length / PageBytes;
        for (int done = 0; done < pages;)
        {
            int start = random.Below(all), count = Math.Min(1 + random.Below(run), all - start), kind = random.Below(4);
            Span<byte> span = data.AsSpan(start * PageBytes, count * PageBytes);
            random.Fill(span);
            if (kind > 0)
            {
                for (int i = 0; i < span.Length; i++)
                    span[i] = (byte)(span[kind == 1 ? i : i / 3] % 24 + 'a');
            }
            done += count;
        }
    }

    private static void CopyPages(byte[] from, byte[] to, SplitMix random, int pages)
    {
        for (int i = 0; i < pages; i++)
        {
            int source = random.Below(from.Length / PageBytes), target = random.Below(to.Length / PageBytes);
            from.AsSpan(source * PageBytes, PageBytes).CopyTo(to.AsSpan(target * PageBytes));
        }
    }

    private static void WriteSparse(string path, byte[] data, long length)
    {
        using var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write);
        RandomAccess.SetLength(file, length);
        for (int at = 0; at < data.Length; at += PageBytes)
        {
            ReadOnlySpan<byte> page = data.AsSpan(at, Math.Min(PageBytes, data.Length - at));
            if (page.ContainsAnyExcept((byte)0))
                RandomAccess.Write(file, page, at);
        }
    }
}
