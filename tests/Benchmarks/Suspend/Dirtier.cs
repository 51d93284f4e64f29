using System.Diagnostics;
using System.Globalization;

namespace VmPod.Benchmarks.Suspend;

/// <summary>Another process that maps a file of the mount and writes to it, as a hypervisor does for its guest. It holds its mapping until it is
/// disposed: letting go would write back what the clock is to run over.</summary>
internal sealed class Dirtier : IDisposable
{
    /// <summary>Bytes of one run of dirty pages: some neighbours, at any page, so that chunks are dirty in part.</summary>
    public const int RunBytes = 128 << 10;

    // Half of each page is random, the rest repeats: zstd makes half of it.
    private const string Script = """
        import mmap, os, random, sys
        path, size, run = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        PAGE, block = 4096, 2 * run
        fd = os.open(path, os.O_RDWR)
        memory = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        text = (b'some words that come again and again ' * 64)[:PAGE // 2]
        for line in sys.stdin:
            seed, runs = map(int, line.split())
            chance = random.Random(seed)
            for number in chance.sample(range(size // block), runs):
                start = number * block + chance.randrange((block - run) // PAGE) * PAGE
                for at in range(start, start + run, PAGE):
                    memory[at:at + PAGE] = chance.randbytes(PAGE // 2) + text
            print('done', flush=True)
        """;

    private readonly Process process;

    /// <summary>Starts it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bytes">Its length.</param>
    public Dirtier(string path, long bytes)
    {
        string[] arguments = ["-c", Script, path, bytes.ToString(CultureInfo.InvariantCulture), RunBytes.ToString(CultureInfo.InvariantCulture)];
        var start = new ProcessStartInfo("python3", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true };
        process = Process.Start(start)!;
    }

    /// <summary>Makes so many bytes dirty, all of them new content.</summary>
    /// <param name="bytes">A multiple of <see cref="RunBytes"/>, at most half of the file.</param>
    /// <param name="seed">Which pages, and what is in them.</param>
    public void Dirty(long bytes, int seed)
    {
        process.StandardInput.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seed} {bytes / RunBytes}"));
        process.StandardInput.Flush();
        if (process.StandardOutput.ReadLine() != "done")
            throw new InvalidOperationException("The process that makes pages dirty failed.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}
