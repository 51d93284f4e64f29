using System.Diagnostics;
using VmPod.Foundation;
using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

[Collection(MountCollection.Name)]
public sealed class LifeTests
{
    private const string HoldOpen = """
        import os, sys
        fd = os.open(sys.argv[1], os.O_RDONLY)
        print('held')
        for line in sys.stdin:
            try: print(len(os.pread(fd, 4096, int(line))))
            except OSError as e: print(e.strerror)
        """;

    [Fact]
    public void Abort_makes_a_blocked_reader_of_another_process_return()
    {
        using var blocked = new BlockedFile("disk");
        using var folder = new MountedFolder(blocked);
        using Child reader = Child.Start("dd", $"if={folder.PathOf("disk")}", "of=/dev/null", "bs=4096", "count=1");
        Eventually.True(() => blocked.Waiting == 1, "the read arrives");
        Thread.Sleep(200);
        Assert.False(reader.HasExited);
        var clock = Stopwatch.StartNew();
        folder.Mount.Abort();
        (int exit, _, string errors) = reader.Wait();
        Assert.NotEqual(0, exit);
        Assert.Contains("error reading", errors, StringComparison.Ordinal);
        // At once, as far as the machine allows: nobody lets the reader go or the file be closed.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"It took {clock.Elapsed}.");
        Assert.True(folder.Mount.Aborted);
    }

    [Fact]
    public void A_reader_that_waits_for_a_thread_returns_on_Dispose_too()
    {
        using var blocked = new BlockedFile("disk");
        Child[] readers;
        using (var folder = new MountedFolder(new FuseMountOptions { ServingThreads = 2 }, blocked))
        {
            string path = folder.PathOf("disk");
            readers = [.. Enumerable.Range(0, 4).Select(_ => Child.Start("dd", $"if={path}", "of=/dev/null", "bs=4096", "count=1"))];
            Eventually.True(() => blocked.Waiting == 1, "a read arrives");
            Thread.Sleep(200);
            Assert.All(readers, reader => Assert.False(reader.HasExited));
        }
        foreach (Child reader in readers)
        {
            Assert.NotEqual(0, reader.Wait().ExitCode);
            reader.Dispose();
        }
    }

    [Fact]
    public void A_plain_unmount_says_that_a_process_holds_a_file_and_a_lazy_one_serves_it_on()
    {
        using var folder = new MountedFolder(new PatternFile("ram", 1 << 20));
        using Child holder = Child.Converse(HoldOpen, folder.PathOf("ram"));
        Assert.Equal("held", holder.ReadLine());
        var busy = Assert.Throws<VmPodException>(() => folder.Mount.Unmount(lazy: false));
        Assert.Equal(ExitCode.Busy, busy.ExitCode);
        Assert.Equal(0, Child.Run("head", "-c", "10", folder.PathOf("ram")).ExitCode);
        folder.Mount.SyncFile("ram");

        folder.Mount.Unmount(lazy: true);

        Assert.False(File.Exists(folder.PathOf("ram")));
        holder.WriteLine("65536");
        Assert.Equal("4096", holder.ReadLine());
        folder.Mount.Dispose();
        holder.WriteLine("131072");
        string[] severed = ["Transport endpoint is not connected", "Software caused connection abort", "No such device"];
        Assert.Contains(holder.ReadLine(), severed);
    }

    [Fact]
    public void A_held_file_does_not_keep_Dispose_from_ending_the_mount()
    {
        using var folder = new MountedFolder(new PatternFile("ram", 1 << 20));
        using Child holder = Child.Converse(HoldOpen, folder.PathOf("ram"));
        Assert.Equal("held", holder.ReadLine());
        var clock = Stopwatch.StartNew();
        folder.Mount.Dispose();
        // At once, as far as the machine allows: nobody lets the reader go or the file be closed.
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"It took {clock.Elapsed}.");
        Assert.Empty(Directory.GetFiles(folder.Folder));
        holder.WriteLine("131072");
        Assert.DoesNotContain("4096", holder.ReadLine(), StringComparison.Ordinal);
    }

    [Fact]
    public void Another_mount_namespace_that_still_holds_the_mount_does_not_keep_Dispose_from_ending_it()
    {
        using var folder = new MountedFolder(new PatternFile("ram", 1 << 20));
        using Child jail = Child.Start("unshare", "--mount", "--propagation", "private", "sleep", "3600");
        string own = File.ResolveLinkTarget("/proc/self/ns/mnt", false)!.Name;
        Eventually.True(() => File.ResolveLinkTarget($"/proc/{jail.Id}/ns/mnt", false)!.Name != own, "the jail has its own namespace");
        folder.Mount.Dispose();
        Assert.Null(folder.Mount.LastError);
        Assert.False(jail.HasExited);
    }

    [Fact]
    public void A_hundred_mounts_leave_neither_threads_nor_descriptors_nor_locked_memory_behind()
    {
        Cycle(3);
        Settle();
        (int threads, int descriptors, long locked) = Resources();
        Cycle(100);
        Settle();
        (int threadsAfter, int descriptorsAfter, long lockedAfter) = Resources();
        // A pool of the runtime may have grown by some; one of each left by each mount would be a hundred more.
        Assert.InRange(threadsAfter, 0, threads + 40);
        Assert.InRange(descriptorsAfter, 0, descriptors + 40);
        Assert.InRange(lockedAfter, 0, locked);

        static void Cycle(int times)
        {
            for (int i = 0; i < times; i++)
            {
                using var folder = new MountedFolder(new PatternFile("ram", 1 << 20));
            }
        }

        static (int Threads, int Descriptors, long LockedKiB) Resources() => (Directory.GetDirectories("/proc/self/task").Length,
            Directory.GetFileSystemEntries("/proc/self/fd").Length, LockedKiB());
    }

    [Fact]
    public void The_buffers_that_hold_guest_bytes_are_locked_while_the_mount_lives()
    {
        Settle();
        long before = LockedKiB();
        using var folder = new MountedFolder(new FuseMountOptions { ServingThreads = 4 }, new PatternFile("ram", 1 << 20));
        Assert.True(LockedKiB() - before >= 4 * 2048);
    }

    [Fact]
    public void After_an_unmount_the_mount_says_so_instead_of_waiting()
    {
        using var folder = new MountedFolder(new PatternFile("ram", 1 << 20));
        folder.Mount.Unmount(lazy: false);
        Assert.Throws<ObjectDisposedException>(() => folder.Mount.SyncFile("ram"));
        Assert.Throws<ObjectDisposedException>(() => folder.Mount.CacheState("ram"));
        Assert.Throws<ArgumentException>(() => folder.Mount.CacheState("none"));
    }

    // What earlier tests forgot is given back now, and not while it is counted.
    private static void Settle()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static long LockedKiB()
    {
        string line = File.ReadLines("/proc/self/status").Single(line => line.StartsWith("VmLck:", StringComparison.Ordinal));
        return long.Parse(line["VmLck:".Length..^"kB".Length].Trim(), System.Globalization.CultureInfo.InvariantCulture);
    }
}
