using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

[Collection(MountCollection.Name)]
public sealed class WritingTests
{
    private const string MapAndWrite = """
        import mmap, os, sys
        fd = os.open(sys.argv[1], os.O_RDWR)
        m = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
        print(m[5 * 4096:5 * 4096 + 8].hex())
        for page in range(0, 256, 3): m[page * 4096 + 9:page * 4096 + 14] = b'guest'
        print('written')
        sys.stdin.readline()
        m.flush()
        print('flushed')
        sys.stdin.readline()
        """;

    [Fact]
    public void A_mapping_of_another_process_sees_the_content_and_its_writes_come_back_on_msync()
    {
        var ram = new StoredFile("ram", 1 << 20, MountedFileKind.Memory);
        new Random(1).NextBytes(ram.Content);
        byte[] before = ram.Snapshot();
        using var folder = new MountedFolder(ram);
        using Child child = Child.Converse(MapAndWrite, folder.PathOf("ram"));
        Assert.Equal(Convert.ToHexStringLower(before.AsSpan(5 * 4096, 8)), child.ReadLine());
        Assert.Equal("written", child.ReadLine());
        Assert.Equal(before, ram.Snapshot());
        child.WriteLine();
        Assert.Equal("flushed", child.ReadLine());
        Assert.Equal(WithGuestWrites(before), ram.Snapshot());
    }

    [Fact]
    public void SyncFile_brings_in_every_page_that_another_process_has_dirtied()
    {
        var ram = new StoredFile("ram", 1 << 20, MountedFileKind.Memory);
        using var folder = new MountedFolder(ram);
        using Child child = Child.Converse(MapAndWrite, folder.PathOf("ram"));
        child.ReadLine();
        Assert.Equal("written", child.ReadLine());
        CacheState dirty = folder.Mount.CacheState("ram");
        Assert.InRange(dirty.DirtyPages + dirty.WritebackPages, 86, 256);
        Assert.True(dirty.CachedPages >= 86);

        folder.Mount.SyncFile("ram");

        CacheState clean = folder.Mount.CacheState("ram");
        Assert.Equal((0, 0), (clean.DirtyPages, clean.WritebackPages));
        Assert.Equal(WithGuestWrites(new byte[1 << 20]), ram.Snapshot());
        Assert.Equal(1, ram.Flushes);
        MountStatistics statistics = folder.Mount.Statistics;
        Assert.True(statistics.Writes > 0 && statistics.BytesWritten >= 86 * 4096);
    }

    [Fact]
    public void Opening_and_closing_a_memory_file_neither_drops_its_cache_nor_writes_it_back()
    {
        var ram = new StoredFile("ram", 1 << 20, MountedFileKind.Memory);
        using var folder = new MountedFolder(ram);
        using Child child = Child.Converse(MapAndWrite, folder.PathOf("ram"));
        child.ReadLine();
        child.ReadLine();
        long cached = folder.Mount.CacheState("ram").CachedPages;
        Assert.Equal(0, Child.Run("head", "-c", "1", folder.PathOf("ram")).ExitCode);
        Assert.Equal(0, Child.Run("stat", folder.PathOf("ram")).ExitCode);
        Assert.True(folder.Mount.CacheState("ram").CachedPages >= cached);
        Assert.Equal(0, folder.Mount.Statistics.Writes);
        Assert.Equal(0, ram.Flushes);
    }

    [Fact]
    public void A_disk_is_read_and_written_by_dd_with_O_DIRECT()
    {
        var disk = new StoredFile("disk", 8 << 20, MountedFileKind.Disk);
        new Random(2).NextBytes(disk.Content);
        byte[] before = disk.Snapshot();
        using var folder = new MountedFolder(disk);
        string path = folder.PathOf("disk");
        (int exit, _, string errors) = Child.Run("dd", $"if={path}", $"of={path}", "bs=512k", "count=4", "seek=8",
            "iflag=direct", "oflag=direct", "conv=notrunc,fdatasync");
        Assert.True(exit == 0, errors);
        before.AsSpan(0, 2 << 20).CopyTo(before.AsSpan(4 << 20));
        Assert.Equal(before, disk.Snapshot());
        Assert.True(disk.Flushes >= 1);
        Assert.Equal(0, folder.Mount.CacheState("disk").CachedPages);
    }

    [Fact]
    public void Writes_of_one_disk_run_in_parallel()
    {
        using var disk = new MeetingFile("disk", meet: 2);
        using var folder = new MountedFolder(disk);
        const string write = """
            import os, sys, threading, mmap
            fd = os.open(sys.argv[1], os.O_RDWR | os.O_DIRECT)
            page = mmap.mmap(-1, 4096)
            threads = [threading.Thread(target=os.pwrite, args=(fd, page, i * 4096)) for i in range(2)]
            [t.start() for t in threads]; [t.join() for t in threads]
            """;
        (int exit, _, string errors) = Child.Python(write, folder.PathOf("disk"));
        Assert.True(exit == 0, errors);
        Assert.True(disk.Met, "No two writes were in the file at one time.");
    }

    [Theory]
    [InlineData("--punch-hole")]
    [InlineData("--zero-range")]
    public void A_guest_s_discard_reaches_the_file_as_Zero(string mode)
    {
        var disk = new StoredFile("disk", 1 << 20, MountedFileKind.Disk);
        disk.Content.AsSpan().Fill(0xAA);
        using var folder = new MountedFolder(disk);
        (int exit, _, string errors) = Child.Run("fallocate", mode, "--keep-size", "--offset", "65536", "--length", "200000",
            folder.PathOf("disk"));
        Assert.True(exit == 0, errors);
        Assert.Equal([(65536, 200000)], disk.Zeroed);
        byte[] now = disk.Snapshot();
        Assert.Equal(-1, now.AsSpan(65536, 200000).IndexOfAnyExcept((byte)0));
        Assert.Equal(-1, now.AsSpan(0, 65536).IndexOfAnyExcept((byte)0xAA));
        Assert.Equal(-1, now.AsSpan(265536).IndexOfAnyExcept((byte)0xAA));
    }

    [Fact]
    public void A_file_that_is_not_writable_refuses_writers()
    {
        using var folder = new MountedFolder(new StoredFile("config", 4096, MountedFileKind.Plain, writable: false));
        (int exit, _, string errors) = Child.Run("dd", "if=/dev/zero", $"of={folder.PathOf("config")}", "bs=1", "count=1", "conv=notrunc");
        Assert.NotEqual(0, exit);
        Assert.Contains("Permission denied", errors, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cannot_be_made_longer()
    {
        var disk = new StoredFile("disk", 8192, MountedFileKind.Disk);
        using var folder = new MountedFolder(disk);
        (int exit, _, string errors) = Child.Run("dd", "if=/dev/zero", $"of={folder.PathOf("disk")}", "bs=4096", "seek=2", "count=1",
            "conv=notrunc");
        Assert.NotEqual(0, exit);
        Assert.Contains("File too large", errors, StringComparison.Ordinal);
        Assert.Equal(8192, new FileInfo(folder.PathOf("disk")).Length);
    }

    private static byte[] WithGuestWrites(byte[] content)
    {
        byte[] changed = [.. content];
        for (int page = 0; page < 256; page += 3)
            "guest"u8.CopyTo(changed.AsSpan(page * 4096 + 9));
        return changed;
    }
}
