using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

[Collection(MountCollection.Name)]
public sealed class ReadingTests
{
    /// <summary>sha256 of (offset, length) ranges, read by another process with pread.</summary>
    private const string HashRanges = """
        import sys, os, hashlib
        fd = os.open(sys.argv[1], os.O_RDONLY)
        for word in sys.argv[2:]:
            offset, length = map(int, word.split(':'))
            data = b''
            while len(data) < length:
                part = os.pread(fd, length - len(data), offset + len(data))
                if not part: break
                data += part
            print(hashlib.sha256(data).hexdigest())
        """;

    [Theory]
    [InlineData(MountedFileKind.Memory)]
    [InlineData(MountedFileKind.Disk)]
    [InlineData(MountedFileKind.Plain)]
    public void Sequential_reads_equal_the_source_to_the_last_odd_byte(MountedFileKind kind)
    {
        const int size = (9 << 20) + 4097;
        using var folder = new MountedFolder(new PatternFile("file", size, kind));
        (int exit, string output, string errors) = Child.Run("sha256sum", folder.PathOf("file"));
        Assert.True(exit == 0, errors);
        Assert.StartsWith(Hash(0, size), output, StringComparison.Ordinal);
        Assert.True(folder.Mount.Statistics.BytesRead >= size);
        Assert.Equal(0, folder.Mount.Statistics.Errors);
    }

    [Theory]
    [InlineData(MountedFileKind.Memory)]
    [InlineData(MountedFileKind.Disk)]
    public void Random_reads_equal_the_source(MountedFileKind kind)
    {
        const int size = 64 << 20;
        using var folder = new MountedFolder(new PatternFile("file", size, kind));
        (long Offset, int Length)[] ranges = [.. Ranges(size, count: 200)];
        AssertRanges(folder.PathOf("file"), ranges);
    }

    [Fact]
    public void Parallel_readers_each_see_the_source()
    {
        const int size = 32 << 20;
        using var folder = new MountedFolder(new PatternFile("ram", size), new PatternFile("disk", size, MountedFileKind.Disk));
        (long Offset, int Length)[] ranges = [.. Ranges(size, count: 60)];
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 },
            reader => AssertRanges(folder.PathOf(reader % 2 == 0 ? "ram" : "disk"), ranges));
    }

    [Fact]
    public void A_sparse_file_of_64_GiB_mounts_without_being_read_and_is_read_at_far_offsets()
    {
        const long size = 64L << 30;
        using var folder = new MountedFolder(new PatternFile("ram", size), new PatternFile("disk", size + 512, MountedFileKind.Disk));
        Assert.Equal(0, folder.Mount.Statistics.BytesRead);
        (long, int)[] ranges = [(0, 4096), ((33L << 30) + 17, 100_000), (size - 4096, 4096), ((4L << 30) - 3, 7)];
        AssertRanges(folder.PathOf("ram"), ranges);
        AssertRanges(folder.PathOf("disk"), ranges);
        Assert.Equal(size + 512, new FileInfo(folder.PathOf("disk")).Length);
    }

    [Fact]
    public void A_fault_of_a_mapping_reads_no_more_than_the_page_that_was_touched()
    {
        using var folder = new MountedFolder(new PatternFile("ram", 16 << 20));
        Assert.Equal(4, folder.Mount.ReadAheadKiB);
        const string touch = """
            import mmap, os, sys
            m = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 16 << 20, mmap.MAP_SHARED, mmap.PROT_READ)
            print(sum(m[page * 65536] & 0 for page in range(256)))
            """;
        (int exit, _, string errors) = Child.Python(touch, folder.PathOf("ram"));
        Assert.True(exit == 0, errors);
        Assert.InRange(folder.Mount.Statistics.BytesRead, 256 * 4096, 256 * 8192);
    }

    [Fact]
    public void The_folder_lists_its_files_with_their_sizes_modes_and_owner()
    {
        var options = new FuseMountOptions { OwnerUid = 1234, OwnerGid = 2345 };
        using var folder = new MountedFolder(options, new PatternFile("config", 77, MountedFileKind.Plain), new StoredFile("ram", 8192,
            MountedFileKind.Memory));
        (int exit, string output, string errors) = Child.Run("find", folder.Folder, "-printf", "%y %m %U %G %s %f\\n");
        Assert.True(exit == 0, errors);
        Assert.Equal(["d 700 1234 2345 0 mnt", "f 400 1234 2345 77 config", "f 600 1234 2345 8192 ram"], output.Trim().Split('\n').Order());
    }

    [Fact]
    public void A_folder_of_many_long_names_is_listed_whole()
    {
        string tail = new('x', 200);
        MountedFile[] files = [.. Enumerable.Range(0, 120).Select(i => new PatternFile($"{i:d3}{tail}", 1, MountedFileKind.Plain))];
        using var folder = new MountedFolder(files);
        Assert.Equal(files.Select(file => file.Name), Directory.GetFiles(folder.Folder).Select(path => Path.GetFileName(path)).Order());
    }

    [Theory]
    [InlineData("cat", "nothing", "No such file")]
    [InlineData("touch", "new", "Operation not permitted")]
    [InlineData("mkdir", "new", "Operation not permitted")]
    [InlineData("rm", "file", "Operation not permitted")]
    [InlineData("truncate --size=5", "file", "Operation not permitted")]
    [InlineData("chmod 0777", "file", "Operation not permitted")]
    [InlineData("ln -s x", "new", "Operation not permitted")]
    [InlineData("mkfifo", "new", "Operation not permitted")]
    public void What_a_session_s_folder_has_no_use_for_is_refused(string command, string name, string reason)
    {
        using var folder = new MountedFolder(new StoredFile("file", 4096, MountedFileKind.Plain));
        string[] words = command.Split(' ');
        (int exit, _, string errors) = Child.Run(words[0], [.. words[1..], folder.PathOf(name)]);
        Assert.NotEqual(0, exit);
        Assert.Contains(reason, errors, StringComparison.Ordinal);
        Assert.Equal(["file"], Directory.GetFiles(folder.Folder).Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public void The_file_system_answers_df()
    {
        using var folder = new MountedFolder(new PatternFile("file", 1 << 20));
        (int exit, string output, string errors) = Child.Run("stat", "-f", "-c", "%S %b %f %l", folder.Folder);
        Assert.True(exit == 0, errors);
        Assert.Equal("4096 256 0 255", output.Trim());
    }

    /// <summary>Each request waits for the collection that is under way, so the whole is kept to some hundred requests.</summary>
    [Fact]
    public async Task Reading_goes_on_while_the_collector_runs_all_the_time()
    {
        const int size = 64 << 20;
        using var folder = new MountedFolder(new PatternFile("ram", size));
        using var stop = new CancellationTokenSource();
        int collections = 0;
        Task collector = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
                Interlocked.Increment(ref collections);
            }
        });
        try
        {
            while (Volatile.Read(ref collections) < 3)
                await Task.Delay(1);
            // As often as it takes: how many collections there are meanwhile is the machine's.
            do
                AssertRanges(folder.PathOf("ram"), [.. Ranges(size, count: 8), (size - 300_001, 300_001)]);
            while (Volatile.Read(ref collections) <= 10);
        }
        finally
        {
            await stop.CancelAsync();
            await collector.WaitAsync(TimeSpan.FromMinutes(2));
        }
    }

    private static void AssertRanges(string path, (long Offset, int Length)[] ranges)
    {
        (int exit, string output, string errors) = Child.Python(HashRanges,
            [path, .. ranges.Select(range => string.Create(CultureInfo.InvariantCulture, $"{range.Offset}:{range.Length}"))]);
        Assert.True(exit == 0, errors);
        Assert.Equal(ranges.Select(range => Hash(range.Offset, range.Length)), output.Trim().Split('\n'));
    }

    private static IEnumerable<(long Offset, int Length)> Ranges(int size, int count)
    {
        var random = new Random(20240229);
        for (int i = 0; i < count; i++)
        {
            int length = random.Next(1, 200_000);
            yield return (random.Next(0, size - length), length);
        }
    }

    private static string Hash(long offset, int length) => Convert.ToHexStringLower(SHA256.HashData(PatternFile.Expected(offset, length)));
}
