using System.Diagnostics;
using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>The attack: after the guest has left, its memory is looked for in what the page cache of its RAM file still holds.</summary>
[Trait("Threat", "T-05")]
[Collection(MountCollection.Name)]
public sealed class WipeTests
{
    /// <summary>Maps the RAM file, plants canaries in its pages, then counts them in the cache each time a line comes in.</summary>
    private const string PlantAndCount = """
        import mmap, os, sys
        canary = bytes(b ^ 0x55 for b in bytes.fromhex(sys.argv[2]))
        m = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        pages = eval(sys.argv[3])
        for page in pages: m[page * 4096 + 100:page * 4096 + 100 + len(canary)] = canary
        print('planted')
        for line in sys.stdin:
            print(sum(m[page * 4096 + 100:page * 4096 + 100 + len(canary)] == canary for page in pages))
        """;

    private const string CanaryMasked = "3c7b1f5e2a99d0c4b6e8f7a1";

    [Theory]
    [InlineData("range(0, 4096)")]
    [InlineData("range(0, 4096, 7)")]
    [InlineData("[0, 4095]")]
    public void Zeroing_leaves_no_canary_in_the_cache_and_none_reaches_the_source(string pages)
    {
        var ram = new StoredFile("ram", 16 << 20, MountedFileKind.Memory);
        using var folder = new MountedFolder(ram);
        using Child child = Child.Converse(PlantAndCount, folder.PathOf("ram"), CanaryMasked, pages);
        Assert.Equal("planted", child.ReadLine());
        child.WriteLine();
        // The control: the canaries are there to be found.
        Assert.True(int.Parse(child.ReadLine(), System.Globalization.CultureInfo.InvariantCulture) >= 2);
        long writtenBefore = folder.Mount.Statistics.BytesWritten;

        CacheWipe wipe = folder.Mount.ZeroCachedPages("ram");

        child.WriteLine();
        Assert.Equal("0", child.ReadLine());
        Assert.True(wipe.PagesCachedBefore >= 2);
        Assert.True(wipe.BytesZeroed >= wipe.PagesCachedBefore * 4096 && wipe.BytesZeroed <= wipe.PagesCachedBefore * 8192);
        Assert.Equal(0, folder.Mount.CacheState("ram").DirtyPages);
        Assert.Equal(writtenBefore, folder.Mount.Statistics.BytesWritten);
        Assert.True(folder.Mount.Statistics.WritesDiscarded > 0);
        Assert.Equal(-1, ram.Snapshot().AsSpan().IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Pages_that_nobody_maps_any_more_are_zeroed_and_dropped_and_the_file_reads_as_zeros_from_then_on()
    {
        var ram = new StoredFile("ram", (4 << 20) + 100, MountedFileKind.Memory);
        ram.Content.AsSpan().Fill(0xC5);
        using var folder = new MountedFolder(ram);
        Assert.Equal(0, Child.Run("cat", folder.PathOf("ram")).ExitCode);
        Assert.Equal(1025, folder.Mount.CacheState("ram").CachedPages);
        var told = new Steps();
        CacheWipe wipe = folder.Mount.ZeroCachedPages("ram", told);
        Assert.Equal(new CacheWipe(1025, (4 << 20) + 100, 0), wipe);
        Assert.Equal((4 << 20) + 100, told.Last);
        Assert.Equal(0, Child.Run("cmp", "-n", "4194404", folder.PathOf("ram"), "/dev/zero").ExitCode);
        Assert.Equal(-1, ram.Snapshot().AsSpan().IndexOfAnyExcept((byte)0xC5));
    }

    [Fact]
    public void A_file_that_is_not_writable_is_wiped_from_the_cache_too()
    {
        using var folder = new MountedFolder(new PatternFile("config", 1 << 20, MountedFileKind.Plain));
        Assert.Equal(0, Child.Run("cat", folder.PathOf("config")).ExitCode);
        Assert.Equal(256, folder.Mount.CacheState("config").CachedPages);
        Assert.Equal(new CacheWipe(256, 1 << 20, 0), folder.Mount.ZeroCachedPages("config"));
    }

    [Fact]
    public void Wiping_a_sparse_file_of_64_GiB_takes_time_for_what_is_cached_only()
    {
        using var folder = new MountedFolder(new PatternFile("ram", 64L << 30));
        Assert.Equal(0, Child.Run("dd", $"if={folder.PathOf("ram")}", "of=/dev/null", "bs=1M", "count=8", "skip=50000").ExitCode);
        var clock = Stopwatch.StartNew();
        CacheWipe wipe = folder.Mount.ZeroCachedPages("ram");
        Assert.InRange(wipe.BytesZeroed, 8 << 20, 64 << 20);
        Assert.Equal(0, wipe.PagesCachedAfter);
        // Zeroing all of it would take minutes.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"It took {clock.Elapsed}.");
    }

    [Fact]
    public void A_fault_that_waits_for_a_dead_link_does_not_keep_the_wipe_waiting()
    {
        using var ram = new BlockedFile("ram", MountedFileKind.Memory);
        using var folder = new MountedFolder(ram);
        const string touch = """
            import mmap, os, sys
            m = mmap.mmap(os.open(sys.argv[1], os.O_RDONLY), 0, mmap.MAP_SHARED, mmap.PROT_READ)
            print('touching')
            m[4096]
            print('touched')
            sys.stdin.readline()
            print(m[4096])
            """;
        using Child child = Child.Converse(touch, folder.PathOf("ram"));
        Assert.Equal("touching", child.ReadLine());
        Eventually.True(() => ram.Waiting == 1, "the fault arrives");
        var clock = Stopwatch.StartNew();
        CacheWipe wipe = folder.Mount.ZeroCachedPages("ram");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"It took {clock.Elapsed}.");
        Assert.Equal(1, wipe.PagesCachedBefore);
        Assert.Equal("touched", child.ReadLine());
        child.WriteLine();
        Assert.Equal("0", child.ReadLine());
    }

    private sealed class Steps : IProgress<long>
    {
        internal long Last { get; private set; }

        public void Report(long value) => Last = value;
    }
}
