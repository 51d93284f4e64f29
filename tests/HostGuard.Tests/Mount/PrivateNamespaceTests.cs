using VmPod.HostGuard.Mount;
using Xunit;

namespace VmPod.HostGuard.Tests.Mount;

[Trait("Threat", "T-11")]
[Collection(MountCollection.Name)]
public sealed class PrivateNamespaceTests
{
    [Fact]
    public void A_program_begins_again_in_a_namespace_of_its_own_where_nobody_else_sees_its_mount()
    {
        using Child child = Child.StartConversation(Environment.ProcessPath!, PrivateNamespaceProbe.Argument, "an argument", "", "ä");
        child.WriteLine("typed by the user");
        Assert.Equal("private False", child.ReadLine());
        Assert.Equal("private True", child.ReadLine());
        Assert.Equal($"pid {child.Id}", child.ReadLine());
        Assert.NotEqual($"namespace {File.ResolveLinkTarget("/proc/self/ns/mnt", false)!.Name}", child.ReadLine());
        Assert.Equal("arguments an argument||ä", child.ReadLine());
        Assert.Equal("input typed by the user", child.ReadLine());
        string[] mounted = child.ReadLine().Split(' ');
        Assert.Equal(("mounted", "True"), (mounted[0], mounted[2]));

        Assert.True(Directory.Exists(mounted[1]));
        Assert.Empty(Directory.GetFileSystemEntries(mounted[1]));
        Assert.DoesNotContain(mounted[1], File.ReadAllText("/proc/self/mountinfo"), StringComparison.Ordinal);

        child.WriteLine();
        Assert.Equal(37, child.Wait().ExitCode);
    }

    [Fact]
    public void Without_a_namespace_of_its_own_a_mount_is_seen_by_every_process()
    {
        Assert.False(PrivateNamespace.IsPrivate);
        using var folder = new MountedFolder(new PatternFile("ram", 4096));
        Assert.Contains(folder.Folder, Child.Run("cat", "/proc/self/mountinfo").Output, StringComparison.Ordinal);
    }
}
