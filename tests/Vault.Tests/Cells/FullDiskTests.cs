using System.Diagnostics;
using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Cells;

/// <summary>A disk that is really full: a small tmpfs, filled to a different 4 KiB each time.</summary>
[Collection(Alone.Name)]
[Trait("Threat", "T-14")]
public class FullDiskTests
{
    private const int PageBytes = 4096;

    // What a vault with four cells, its index and a commit's room take.
    private const int PagesOfVault = 64;

    [Theory]
    [InlineData(1, 24, 1)]
    // SECURITY.md R8: full at every 4 KiB of 16 MiB; a sample in each run, all with VMPOD_SOAK=127.
    [InlineData(16, 16 * 256 - PagesOfVault, 127)]
    [Trait("Spec", "V-67")]
    public void AFullDiskLosesNothingAndGoesOnWhenThereIsSpace(int mebibytes, int end, int sample)
    {
        string mount = Directory.CreateTempSubdirectory("vmpod-full-").FullName;
        Run("mount", "-t", "tmpfs", "-o", $"size={mebibytes}m", "vmpod-full", mount);
        try
        {
            for (int pages = 0; pages < end; pages += Soak.Step(sample))
            {
                using var pod = new PodFolder(Path.Combine(mount, "pod"));
                Fill(pod, Path.Combine(mount, "filler"), pages);
                File.Delete(Path.Combine(mount, "filler"));
            }
        }
        finally
        {
            // Lazily: a child process that another test has forked but not yet started holds our files for a moment.
            Run("umount", "--lazy", mount);
            Directory.Delete(mount);
        }
    }

    private static void Fill(PodFolder pod, string filler, int pages)
    {
        using (var store = pod.Create())
        {
            _ = PodFolder.Append(store, 0, 4);
            _ = PodFolder.Commit(store, 1);
            // So little is left that the next batch of four ends in the middle of a cell, at another page each time.
            File.WriteAllBytes(filler, new byte[pages * PageBytes]);
            int next = 100;
            ulong seq = 2;
            VmPodException? full = null;
            while (full is null)
            {
                try
                {
                    _ = PodFolder.Append(store, next, 4);
                    seq = PodFolder.Commit(store, new byte[3000]).Head.Seq;
                    next += 4;
                }
                catch (VmPodException e)
                {
                    full = e;
                }
            }
            Assert.Equal(ExitCode.NoSpace, full.ExitCode);
            Assert.IsNotType<StorePoisonedException>(full);
            Assert.Equal(seq, store.Head.Seq);
            store.DiscardUncommitted();
            PodFolder.AssertReads(store, 0, 4);
            PodFolder.AssertReads(store, 100, next - 100);
            Assert.True(store.Verify(Enumerable.Range(100, next - 100).Select(PodFolder.Id), null, default).IsSound);
            // A reader is let in although the disk is full; then space comes back, and the same store goes on.
            if (pages > 8)
            {
                File.WriteAllBytes(filler, []);
                _ = PodFolder.Append(store, 900, 1);
                Assert.Equal(seq + 1, PodFolder.Commit(store, 1).Head.Seq);
            }
        }
        using (var reader = pod.Open(StoreAccess.Read))
            PodFolder.AssertReads(reader, 0, 4);
        using (var writer = pod.Open())
            Assert.True(writer.Verify([PodFolder.Id(0), PodFolder.Id(100)], null, default).IsSound);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"This test mounts a small file system and needs root: {program} said {error}");
    }
}
