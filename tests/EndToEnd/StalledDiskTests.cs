using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>The host's disk stands still while the session ends: no wipe waits for it, and what was not sealed in time counts as lost.</summary>
public sealed class StalledDiskTests(BasePod pod)
{
    // Only against a hang.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    [Fact]
    [Trait("Spec", "H-16")]
    [Trait("Spec", "H-41")]
    public async Task What_is_still_being_sealed_when_the_overlay_is_wiped_does_not_become_a_residue()
    {
        await using ServedPod served = await ServedPod.StartAsync(pod);
        await using var folder = new StateDisk(served.Host.StateFolder);
        PodDisk disk = await folder.MountAsync();
        await using (TestSession session = await served.Host.StartAsync("resume", BasePod.Session, ["--grace", "0"]))
        {
            IReadOnlyList<int> processes = session.Processes;
            await GuestWork.KeepWritingAsync(session.Agent);
            _ = await GuestWork.WriteAndFlushAsync(session.Agent, "/root/last");
            await disk.FreezeAsync();
            try
            {
                await served.Net.UnplugAsync();
                await session.WaitForLogAsync("The overlay and the caches were wiped", Limit);
                // Who asks meanwhile is answered.
                Assert.Equal("Leaving", (await session.StatusAsync()).GetProperty("phase").GetString());
            }
            finally
            {
                // Before anything is killed: who waits for a disk that stands still does not even die.
                await disk.ThawAsync();
            }
            await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
            JsonElement receipt = await session.ReceiptAsync(TestContext.Current.CancellationToken);
            Assert.Equal("pod-gone", receipt.GetProperty("reason").GetString());
            Assert.False(receipt.TryGetProperty("residue", out _), receipt.ToString());
            Assert.Contains("lost", receipt.GetProperty("not_guaranteed").ToString(), StringComparison.Ordinal);
        }
        // What was sealed after that has zeros where the overlay was.
        Assert.Empty((await served.Host.RunAsync(["residues"])).EnumerateArray());
        await served.Net.PlugAsync();
        await using TestSession again = await served.Host.StartAsync("resume", BasePod.Session, ["--drop-disk-changes"]);
        Assert.True((await pod.JudgeAsync(again.Agent)).Unbroken);
        Assert.Equal(pod.Work, await GuestWork.LookAsync(again.Agent));
        await PodCopy.EndAsync(again);
    }

    /// <summary>A host's state, moved to a file system of its own.</summary>
    private sealed class StateDisk(string state) : IAsyncDisposable
    {
        private readonly TempFolder folder = new();
        private PodDisk? disk;
        private bool isBound;

        internal async Task<PodDisk> MountAsync()
        {
            disk = await PodDisk.CreateAsync(folder.FullPath, 1L << 30);
            await RunAsync("cp", "-a", state + "/.", disk.Folder);
            await RunAsync("mount", "--bind", disk.Folder, state);
            isBound = true;
            return disk;
        }

        public async ValueTask DisposeAsync()
        {
            if (isBound)
                await RunAsync("umount", "--lazy", state);
            if (disk is not null)
                await disk.DisposeAsync();
            folder.Dispose();
        }

        private static async Task RunAsync(string program, params string[] arguments) =>
            (await new CliRunner(SystemTools.Find(program)).RunAsync(arguments)).MustSucceed();
    }
}
