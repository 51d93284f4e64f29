using System.Diagnostics;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>The process that serves a mount is killed: whoever waits for the mount must come free, or a guest outlives its host.</summary>
[Collection(MountCollection.Name)]
public sealed class DeathTests
{
    [Fact]
    public void A_killed_daemon_ends_and_sets_every_waiting_process_free()
    {
        using var served = new Served();
        using Child reader = Child.Start("dd", $"if={served.Folder}/reads", "of=/dev/null", "bs=4096", "count=1");
        Thread.Sleep(300);
        Assert.False(reader.HasExited);
        served.Kill();
        Assert.True(served.Daemon.Ends(seconds: 60), "The killed daemon hangs.");
        Assert.NotEqual(0, reader.Wait(seconds: 60).ExitCode);
    }

    [Fact]
    public void A_daemon_killed_in_an_fsync_of_its_own_hangs_until_somebody_writes_to_the_abort_file()
    {
        using var served = new Served();
        using Child reader = Child.Start("dd", $"if={served.Folder}/reads", "of=/dev/null", "bs=4096", "count=1");
        served.Daemon.WriteLine("sync");
        Assert.Equal("syncing", served.Daemon.ReadLine());
        served.Kill();
        // The control: this is what the abort file is for.
        Assert.False(served.Daemon.Ends(seconds: 2));
        Assert.False(reader.HasExited);

        File.WriteAllText(served.AbortFile, "1");

        Assert.True(served.Daemon.Ends(seconds: 60), "The killed daemon hangs.");
        Assert.NotEqual(0, reader.Wait(seconds: 60).ExitCode);
    }

    private sealed class Served : IDisposable
    {
        internal Served()
        {
            Folder = Directory.CreateTempSubdirectory("vmpod-mount-").FullName;
            Daemon = Child.StartConversation(Environment.ProcessPath!, DaemonProbe.Argument, Folder);
            AbortFile = Daemon.ReadLine();
        }

        internal string Folder { get; }

        internal Child Daemon { get; }

        internal string AbortFile { get; }

        internal void Kill()
        {
            using Process process = Process.GetProcessById(Daemon.Id);
            process.Kill();
        }

        public void Dispose()
        {
            // Whatever the test found, nothing is left waiting: a process that waits in the kernel cannot be killed.
            if (File.Exists(AbortFile))
                File.WriteAllText(AbortFile, "1");
            Daemon.Dispose();
            Child.Run("umount", "-l", Folder);
            Directory.Delete(Folder);
        }
    }
}
