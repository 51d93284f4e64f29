using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

[Collection(MountCollection.Name)]
public sealed class FaultTests
{
    [Fact]
    public void An_exception_in_a_file_is_answered_with_EIO_and_the_mount_goes_on()
    {
        var disk = new FaultyFile("disk");
        using var folder = new MountedFolder(disk);
        disk.Fault = () => new InvalidOperationException("a bug");
        Assert.Contains("Input/output error", Dd(folder, "if", "disk").Errors, StringComparison.Ordinal);
        Assert.Contains("Input/output error", Dd(folder, "of", "disk").Errors, StringComparison.Ordinal);
        Assert.IsType<InvalidOperationException>(folder.Mount.LastError);
        Assert.True(folder.Mount.Statistics.Errors >= 2);
        disk.Fault = null;
        Assert.Equal(0, Dd(folder, "if", "disk").ExitCode);
        Assert.Equal(0, Dd(folder, "of", "disk").ExitCode);
    }

    [Fact]
    public void A_typed_error_is_answered_with_its_errno()
    {
        const int ETIMEDOUT = 110;
        var disk = new FaultyFile("disk") { Fault = () => new MountIoException(ETIMEDOUT) };
        using var folder = new MountedFolder(disk);
        Assert.Contains("Connection timed out", Dd(folder, "if", "disk").Errors, StringComparison.Ordinal);
        Assert.Null(folder.Mount.LastError);
        disk.Fault = null;
    }

    [Fact]
    public void A_barrier_that_fails_fails_the_caller_s_fsync()
    {
        var disk = new FaultyFile("disk") { Fault = () => new IOException("the pod is full") };
        using var folder = new MountedFolder(disk);
        Assert.Throws<IOException>(() => folder.Mount.SyncFile("disk"));
        disk.Fault = null;
        folder.Mount.SyncFile("disk");
    }

    [Fact]
    public void Reads_that_wait_for_a_link_do_not_keep_a_write_or_a_barrier_waiting()
    {
        using var blocked = new BlockedFile("blocked");
        var disk = new StoredFile("disk", 1 << 20, MountedFileKind.Disk);
        using var folder = new MountedFolder(new FuseMountOptions { ServingThreads = 3 }, blocked, disk);
        string[] read = [$"if={folder.PathOf("blocked")}", "of=/dev/null", "bs=4096", "count=1"];
        Child[] readers = [.. Enumerable.Range(0, 8).Select(_ => Child.Start("dd", read))];
        try
        {
            Eventually.True(() => blocked.Waiting == 2, "two reads wait, and the third thread is kept free");
            (int exit, _, string errors) = Child.Run("dd", "if=/dev/zero", $"of={folder.PathOf("disk")}", "bs=64k", "count=4",
                "conv=notrunc,fdatasync");
            Assert.True(exit == 0, errors);
            Assert.Equal(2, blocked.Waiting);
            blocked.Release();
            Assert.All(readers, reader => Assert.Equal(0, reader.Wait().ExitCode));
            Assert.Equal(8, blocked.Waiting);
        }
        finally
        {
            foreach (Child reader in readers)
                reader.Dispose();
        }
    }

    [Fact]
    public void Files_and_options_that_make_no_sense_are_refused_before_anything_is_mounted()
    {
        Assert.Throws<ArgumentException>(() => new PatternFile("a/b", 1));
        Assert.Throws<ArgumentException>(() => new PatternFile("..", 1));
        Assert.Throws<ArgumentException>(() => new PatternFile(new string('ä', 128), 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new PatternFile("a", -1));
        Assert.Throws<ArgumentException>(() => new MountedFolder(new PatternFile("a", 1), new PatternFile("a", 1)));
        var injected = new FuseMountOptions { FsName = "x,allow_other" };
        Assert.Throws<ArgumentException>(() => new MountedFolder(injected, new PatternFile("a", 1)));
        var alone = new FuseMountOptions { ServingThreads = 1 };
        Assert.Throws<ArgumentOutOfRangeException>(() => new MountedFolder(alone, new PatternFile("a", 1)));
    }

    private static (int ExitCode, string Output, string Errors) Dd(MountedFolder folder, string side, string name) => Child.Run("dd",
        $"{side}={folder.PathOf(name)}", side == "if" ? "of=/dev/null" : "if=/dev/zero", "bs=4096", "count=1", "conv=notrunc");
}
