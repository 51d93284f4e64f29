using VmPod.Vault.Tests.Pods;

namespace VmPod.Vault.Tests.Reader;

/// <summary>Five generations of files that make the vault use all that its format has. Each one is kept, to compare with.</summary>
internal sealed class SessionOfAllCodecs
{
    private const int Page = 4096, Chunk = 65_536;

    // Above what counts as a small stream, which is stored as a difference from itself and never in pages of others.
    private const int DiskBytes = 14 * 1024 * 1024, MemoryBytes = 12 * 1024 * 1024 + 5 * Page;

    // So many chunks apart that their entries fill leaves of the map.
    private const int ScatteredPages = 1500;

    private readonly TestPod pod;
    private readonly List<string> kept = [];

    internal SessionOfAllCodecs(TestPod pod)
    {
        this.pod = pod;
        First();
        Keep();
        OneByteInManyChunks();
        Keep();
        SmallFilesShift();
        Keep();
        WholeChunksAndPagesOfPages();
        Keep();
        FilesComeAndGo();
        Keep();
    }

    /// <summary>What was put, generation 1 first.</summary>
    internal IReadOnlyList<string> Kept => kept;

    private void Keep()
    {
        pod.Put();
        kept.Add(pod.Keep($"{kept.Count + 1}"));
    }

    private void First()
    {
        // Text, random bytes, text, and a hole of a million bytes between them; the end is no whole chunk, and no whole page.
        byte[] disk = [.. Data.Text(1, 6_000_000), .. new byte[1_000_000], .. Data.Random(2, DiskBytes - 9_000_000), .. Data.Text(3, 2_000_000)];
        pod.Write("disk.raw", disk);
        Data.PunchHole(pod.FileOf("disk.raw"), 6_000_000 / Page * Page + Page, 900_000 / Page * Page);
        pod.Write("memory.bin", Memory(disk));
        pod.Write("state", Data.Random(4, 300 * 1024));
        pod.Write("odd", Data.Random(5, 3 * Chunk + 12_345));
        pod.Write("folder/notes.txt", Data.Text(6, 777));
        pod.Write("empty", []);
        long[] places = [.. Enumerable.Range(0, ScatteredPages).Select(i => (long)i * 3 * Chunk + i % 16 * Page)];
        Data.WriteSparse(pod.FileOf("scattered"), (long)ScatteredPages * 3 * Chunk + 99, places);
    }

    // Memory: whole chunks of the disk's pages in another order, chunks with some pages of its own, and chunks of their own.
    private static byte[] Memory(byte[] disk)
    {
        byte[] memory = Data.Text(7, MemoryBytes);
        for (int page = 0; page < MemoryBytes / Page; page++)
        {
            Span<byte> here = memory.AsSpan(page * Page, Page);
            int kind = page / 16 % 4, from = page * 7 % (disk.Length / Page);
            if (kind == 0 || kind == 1 && page % 3 != 0)
                disk.AsSpan(from * Page, Page).CopyTo(here);
            else if (kind == 1 && page % 2 == 0)
                here.Clear();
            else if (kind == 2)
                Data.Random(page, Page).CopyTo(here);
        }
        return memory;
    }

    private void OneByteInManyChunks()
    {
        for (int chunk = 0; chunk < DiskBytes / Chunk; chunk += 3)
            Change("disk.raw", (long)chunk * Chunk + chunk % 16 * Page + 17);
        // Also in chunks that have pages of the disk and pages of their own: what did not change there is taken from their old payloads of pages.
        for (int chunk = 1; chunk < MemoryBytes / Chunk; chunk += 2)
            Change("memory.bin", (long)chunk * Chunk + chunk % 16 * Page + 99);
    }

    private void SmallFilesShift()
    {
        foreach (string name in new[] { "state", "odd" })
        {
            byte[] bytes = File.ReadAllBytes(pod.FileOf(name));
            pod.Write(name, [.. bytes[..1000], .. "a few bytes more"u8, .. bytes[1000..]]);
        }
        Change("scattered", 3 * Chunk + Page);
    }

    private void WholeChunksAndPagesOfPages()
    {
        Data.WriteAt(pod.FileOf("disk.raw"), 40 * Chunk, Data.Random(8, 5 * Chunk));
        Data.WriteAt(pod.FileOf("disk.raw"), 60 * Chunk, new byte[2 * Chunk]);
        // Pages that the disk has had since the generation before, and one of them changed.
        byte[] disk = File.ReadAllBytes(pod.FileOf("disk.raw"));
        Data.WriteAt(pod.FileOf("memory.bin"), 80 * Chunk, disk.AsSpan(41 * Chunk, 2 * Chunk));
        Change("memory.bin", 81 * Chunk + 5);
        for (int chunk = 1; chunk < DiskBytes / Chunk; chunk += 5)
            Change("disk.raw", (long)chunk * Chunk + 3 * Page);
    }

    private void FilesComeAndGo()
    {
        File.Delete(pod.FileOf("odd"));
        pod.Write("new.bin", Data.Random(9, 9 * 1024 * 1024 + 1));
        using (FileStream scattered = File.OpenWrite(pod.FileOf("scattered")))
            scattered.SetLength(100L * 3 * Chunk + 1);
        pod.Write("state", File.ReadAllBytes(pod.FileOf("state")).AsSpan(2000));
    }

    private void Change(string name, long offset)
    {
        using FileStream file = File.Open(pod.FileOf(name), FileMode.Open);
        file.Position = offset;
        int was = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(was ^ 0x5A));
    }
}
