using Microsoft.Win32.SafeHandles;
using VmPod.Benchmarks.Data;
using VmPod.Vault.Format;

namespace VmPod.Benchmarks.Year;

/// <summary>A machine's files over the days of a year, generated: a disk that is written here and there, and more in its hot part, and memory of which two
/// thirds stand on the disk.</summary>
internal sealed class YearDays
{
    // The files' names tell what they are (MachineFiles).
    private const string DiskName = "disk-flat.vmdk", MemoryName = "guest.vmem", StateName = "guest.vmss";

    private const int Page = FormatLimits.PageBytes, HotShare = 8;

    private readonly string folder;
    private readonly SplitMix random = new(2026);
    private readonly int diskPages, memoryPages;

    /// <summary>The first day: the disk is full, so that what grows later is not what it holds.</summary>
    public YearDays(string folder, int diskMiB)
    {
        this.folder = folder;
        diskPages = diskMiB << 8;
        memoryPages = diskPages / 2;
        Directory.CreateDirectory(folder);
        byte[] run = new byte[16 * Page];
        using SafeFileHandle disk = Open(DiskName);
        for (int page = 0; page < diskPages; page += 16)
            Write(disk, page, run);
        using SafeFileHandle memory = Open(MemoryName);
        RandomAccess.SetLength(memory, (long)memoryPages * Page);
        for (int page = 0; page < memoryPages; page += 16)
            WriteMemory(disk, memory, page, run);
        File.WriteAllBytes(Path.Join(folder, StateName), Words(new byte[200_000]));
    }

    /// <summary>A day of work: 2 % of the disk, half of it in the hot eighth, 15 % of memory, and all of the device state.</summary>
    public void Next()
    {
        using SafeFileHandle disk = Open(DiskName), memory = Open(MemoryName);
        for (int written = 0; written < diskPages / 50;)
        {
            byte[] run = new byte[(1 + random.Below(24)) * Page];
            int within = written % 2 == 0 ? diskPages / HotShare : diskPages;
            Write(disk, random.Below(within - run.Length / Page), run);
            written += run.Length / Page;
        }
        for (int written = 0; written < memoryPages * 15 / 100;)
        {
            byte[] run = new byte[(1 + random.Below(16)) * Page];
            WriteMemory(disk, memory, random.Below(memoryPages - run.Length / Page), run);
            written += run.Length / Page;
        }
        File.WriteAllBytes(Path.Join(folder, StateName), Words(new byte[200_000]));
    }

    private SafeFileHandle Open(string name) => File.OpenHandle(Path.Join(folder, name), FileMode.OpenOrCreate, FileAccess.ReadWrite);

    private void Write(SafeFileHandle file, int page, byte[] run) => RandomAccess.Write(file, Words(run), (long)page * Page);

    // Two runs in three are what the disk has somewhere.
    private void WriteMemory(SafeFileHandle disk, SafeFileHandle memory, int page, byte[] run)
    {
        if (random.Below(3) > 0)
            _ = RandomAccess.Read(disk, run, (long)random.Below(diskPages - run.Length / Page) * Page);
        else
            Words(run);
        RandomAccess.Write(memory, run, (long)page * Page);
    }

    // About a third of random bytes: what zstd makes of a guest's data.
    private byte[] Words(byte[] into)
    {
        random.Fill(into);
        for (int i = 0; i < into.Length; i++)
        {
            if (i % 12 >= 4)
                into[i] = (byte)('a' + i % 12);
        }
        return into;
    }
}
