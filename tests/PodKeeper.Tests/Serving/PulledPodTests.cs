using System.Diagnostics;
using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Cli;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Testing;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>The folder of a served pod is pulled from under its server.</summary>
public sealed class PulledPodTests : IDisposable
{
    private readonly TempFolder temp = new();
    private bool isMounted;

    public PulledPodTests()
    {
        File.WriteAllText(temp["pin"], "the passphrase of this test");
        File.SetUnixFileMode(temp["pin"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(Path.Combine(temp.Sub("files"), "a"), "some bytes");
    }

    private string Pod => temp["disk", "pod"];

    public void Dispose()
    {
        if (isMounted)
            Run("umount", "-l", temp["disk"]);
        temp.Dispose();
    }

    [Theory]
    [InlineData("umount")]
    [InlineData("move")]
    [InlineData("replace")]
    [Trait("Spec", "P-72")]
    [Trait("Threat", "T-21")]
    public void A_server_whose_folder_is_pulled_ends_its_links_and_itself_and_says_why(string how)
    {
        Run("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", temp.Sub("disk"));
        isMounted = true;
        PodKeeperProgram.Run("init", Pod, "--pin-file", temp["pin"], "--argon-memory", "8").Expect(0);
        PodKeeperProgram.Run("put", Pod, ServedPod.Session, temp["files"], "--pin-file", temp["pin"]).Expect(0);
        using Pairing pairing = ServedProgram.PairingOf(Pod);
        using var served = new ServedProgram(Pod, temp["pin"]);
        using var host = new WireHost(served.Address, pairing);
        host.Open();
        var since = Stopwatch.StartNew();
        Pull(how);
        Assert.True(served.Process.WaitForExit(60_000), "it goes on without its pod");
        // Two seconds (P-72), and what a loaded machine takes to end a process.
        Assert.True(since.ElapsedMilliseconds < 15_000, $"{since.ElapsedMilliseconds} ms");
        Assert.Equal((int)ExitCode.LinkLost, served.Process.ExitCode);
        Assert.Contains("is gone", served.Process.StandardOutput.ReadToEnd(), StringComparison.Ordinal);
        ServeTests.Until(() => host.Link.Ended.IsCompleted);
        if (how != "move")
            return;
        // The pod itself is whole, and its lease is the host's still.
        Directory.Move(temp["disk", "away"], Pod);
        PodKeeperProgram.Run("verify", Pod).Expect(0);
        using var again = new ServedProgram(Pod, temp["pin"]);
        using var back = new WireHost(again.Address, pairing);
        Assert.True(back.Link.Call(host.AttachTo, WireHost.Patience).IsOpen);
    }

    [Fact]
    [Trait("Spec", "P-72")]
    public void Without_the_watch_a_server_gives_keys_from_a_folder_that_is_no_more()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        host.Open();
        Directory.Move(pod.Folder, pod.Temp["away"]);
        Assert.Equal(CellStatus.Ok, host.Get(CellWant.Both, LastCell(pod.Temp["away"]))[0].Status);
        Directory.Move(pod.Temp["away"], pod.Folder);
    }

    // The id of the last cell of a pod, which the newest generation has.
    private static Vault.Format.CellId LastCell(string folder)
    {
        byte[] cell = new byte[16 * 1024];
        using FileStream segment = File.OpenRead(Path.Combine(folder, "v1", "segments", "000000.seg"));
        segment.Seek(-cell.Length, SeekOrigin.End);
        segment.ReadExactly(cell);
        return Vault.Format.CellId.Of(cell);
    }

    private void Pull(string how)
    {
        switch (how)
        {
            case "umount":
                Run("umount", "-l", temp["disk"]);
                isMounted = false;
                break;
            case "move":
                Directory.Move(Pod, temp["disk", "away"]);
                break;
            default:
                // A copy of the very pod in its place is another folder.
                Run("cp", "-a", Pod, temp["disk", "copy"]);
                Directory.Move(Pod, temp["disk", "away"]);
                Directory.Move(temp["disk", "copy"], Pod);
                break;
        }
    }

    private static void Run(params string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo(command[0], command.Skip(1)))!;
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
