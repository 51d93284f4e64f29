using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>What is not accepted, with the exit code that says so; and a disk that is full.</summary>
[Collection(PodsCollection.Name)]
public sealed class BadInputTests
{
    [Theory]
    [InlineData("ln -s a {0}")]
    [InlineData("ln -s /nowhere {0}")]
    [InlineData("ln -s . {0}")]
    [InlineData("mkfifo {0}")]
    [InlineData("mknod {0} c 1 3")]
    public void Links_pipes_and_devices_in_a_folder_are_refused_by_name(string command)
    {
        using var pod = new TestPod();
        pod.Write("a", [1]);
        string path = pod.FileOf("odd");
        string[] words = command.Replace("{0}", path, StringComparison.Ordinal).Split(' ');
        FolderTree.Run(words[0], words[1..]);
        VmPodException e = Assert.Throws<VmPodException>(() => pod.Put());
        Assert.Equal(ExitCode.Usage, e.ExitCode);
        Assert.Contains("odd", e.Message, StringComparison.Ordinal);
        File.Delete(path);
        pod.Put();
    }

    [Fact]
    public void A_missing_path_is_not_found_and_an_empty_folder_holds_nothing_to_put()
    {
        using var pod = new TestPod();
        Assert.Equal(ExitCode.Usage, Assert.Throws<VmPodException>(() => pod.Put()).ExitCode);
        using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
        VmPodException e = Assert.Throws<VmPodException>(() => SnapshotWriter.Put(lease, [pod.FileOf("none")], "put", null,
            TestContext.Current.CancellationToken));
        Assert.Equal(ExitCode.NotFound, e.ExitCode);
    }

    [Fact]
    public void Locks_beside_a_machine_are_left_out_and_named()
    {
        using var pod = new TestPod();
        pod.Write("vm.vmx", [1]);
        pod.Write("vm.vmx.lck/M1.lck", [1]);
        Assert.Equal(["vm.vmx.lck"], pod.Put().LeftOut);
        Assert.Equal(["vm.vmx"], FolderTree.Names(pod.Get()));
    }

    [Fact]
    public void A_name_that_is_not_UTF_8_is_refused_and_nothing_is_put()
    {
        using var pod = new TestPod();
        pod.Write("a", [1]);
        // The shell's printf makes the byte 0xFF, which no .NET string can name.
        FolderTree.Run("sh", "-c", $"touch \"{pod.Source}/$(printf 'x\\377y')\"");
        VmPodException e = Assert.Throws<VmPodException>(() => pod.Put());
        Assert.Equal(ExitCode.Usage, e.ExitCode);
    }

    [Fact]
    public void A_folder_that_holds_something_is_not_written_to()
    {
        using var pod = new TestPod();
        pod.Write("a", [1]);
        pod.Put();
        using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
        VmPodException e = Assert.Throws<VmPodException>(() => SnapshotReader.Get(reader, pod.Source, null, TestContext.Current.CancellationToken));
        Assert.Equal(ExitCode.Usage, e.ExitCode);
        Assert.Equal([1], File.ReadAllBytes(pod.FileOf("a")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("a@1")]
    [InlineData("line\nbreak")]
    [InlineData("a name that has far more than one hundred and twenty-eight bytes: a name that has far more than one hundred and twenty-eight bytes")]
    public void Session_names_out_of_bounds_are_refused(string name)
    {
        using var pod = new TestPod();
        pod.Write("a", [1]);
        Assert.Equal(ExitCode.Usage, Assert.Throws<VmPodException>(() => pod.Put(name)).ExitCode);
    }

    [Fact]
    public void A_second_process_is_told_that_the_vault_is_in_use()
    {
        using var pod = new TestPod();
        // flock is between open files, so a second opening in this process stands for a second process.
        VmPodException e = Assert.Throws<VmPodException>(() => PodVault.Open(pod.Folder, StoreAccess.Write, TimeProvider.System));
        Assert.Equal(ExitCode.Busy, e.ExitCode);
        // And one that is another process indeed.
        using Process child = Process.Start(new ProcessStartInfo("flock", ["--nonblock", "--exclusive", Path.Combine(pod.Folder, "v1/lock"), "true"]))!;
        child.WaitForExit();
        Assert.Equal(1, child.ExitCode);
    }

    [Fact]
    public void A_folder_that_holds_a_vault_or_something_else_is_not_made_a_vault()
    {
        using var pod = new TestPod();
        using SecretBuffer secret = TestPod.Secret();
        foreach (string folder in new[] { pod.Folder, pod.Root })
            Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => PodVault.Create(folder, secret, TestPod.Cheap, TimeProvider.System)).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-39")]
    public void What_a_crash_left_of_an_unfinished_vault_does_not_block_the_next_try()
    {
        using var pod = new TestPod();
        string folder = Path.Combine(pod.Root, "half");
        FolderTree.Run("cp", "-a", pod.Folder, folder);
        File.Delete(Path.Combine(folder, "vault.json"));
        using SecretBuffer secret = TestPod.Secret();
        PodVault.Create(folder, secret, TestPod.Cheap, TimeProvider.System).Dispose();
        TestPod.Unlock(folder).Dispose();
    }

    [Fact]
    public void A_copy_without_device_secrets_can_be_verified_and_not_unlocked()
    {
        using var pod = new TestPod();
        pod.Write("a", Data.Random(1, 100_000));
        pod.Put();
        pod.Vault.Dispose();
        Directory.Delete(Path.Combine(pod.Folder, "v1/nv"), recursive: true);
        using PodVault copy = PodVault.Open(pod.Folder, StoreAccess.Read, TimeProvider.System);
        Assert.True(copy.Verify(progress: null, TestContext.Current.CancellationToken).IsSound);
        using SecretBuffer secret = TestPod.Secret();
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => copy.TryUnlock(secret)).ExitCode);
    }
}
