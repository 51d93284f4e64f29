using System.Diagnostics;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Thousands of commits, each under a lease of its own: opening does not grow with them (rule 11).</summary>
/// <remarks>vault/MEASUREMENTS.md has the figures for 10,000; making those takes a minute.</remarks>
[Collection(PodsCollection.Name)]
public sealed class ManyCommitsTests
{
    private const int Chunks = 400, Commits = 1_200;

    private const int Few = 10, Tries = 5;

    [Fact]
    public void Opening_takes_no_more_with_thousands_of_commits_and_as_many_leases_behind_than_with_ten()
    {
        // In memory: what is measured is what this program does, not the disk.
        string root = Directory.CreateTempSubdirectory("vmpod-many-").FullName;
        Directory.Delete(root);
        root = Directory.CreateDirectory(Path.Combine("/dev/shm", Path.GetFileName(root))).FullName;
        try
        {
            using var pod = new TestPod(root: root);
            using SecretBuffer rootKey = pod.Vault.CopyRoot();
            var random = new Random(5);
            byte[] chunk = new byte[FormatLimits.ChunkBytes];
            var disk = new StreamInfo(1, StreamKind.Disk, "disk", (long)Chunks * FormatLimits.ChunkBytes, 0, 0);
            int commits = 0;
            long openFew = 0, listFew = 0;
            foreach (int target in new[] { Few, Commits })
            {
                for (; commits < target; commits++)
                {
                    using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
                    // Small payloads: thousands of whole chunks would be a gigabyte of memory.
                    random.NextBytes(chunk.AsSpan(0, 16));
                    lease.Put(new ChunkKey(1, (ulong)random.Next(Chunks)), Codec.Raw, 16, chunk.AsSpan(0, 16), lease.TagOf(chunk));
                    lease.Commit(GenerationKind.Checkpoint, "test", [disk], close: true);
                }
                pod.Vault.Dispose();
                (long open, long list) = Measure(pod, rootKey, target, $"{target} commits");
                File.Delete(Path.Combine(pod.Folder, "v1/logindex"));
                (long openWithout, _) = Measure(pod, rootKey, target, "without v1/logindex");
                // Not by time, which is another one's on a busy machine: who reads a commit allocates for it, as a list does, which reads them all.
                if (target == Few)
                    (openFew, listFew) = (open, list);
                else
                    Assert.True(list > 10 * listFew && Math.Max(open, openWithout) < 2 * openFew,
                        $"An opening allocates {open} and {openWithout} bytes, and {openFew} with few commits; a list {list}, and {listFew}.");
                pod.Reopen();
            }
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    // What opening the vault and its newest generation allocates, and what listing all of them does, in bytes; the times are printed.
    private static (long Open, long List) Measure(TestPod pod, SecretBuffer rootKey, int commits, string what)
    {
        long open = 0, list = 0;
        var times = new List<(double Open, double First, double All, double Middle, double List)>();
        for (int i = 0; i < Tries; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            var watch = Stopwatch.StartNew();
            using PodVault vault = PodVault.Open(pod.Folder, StoreAccess.Read, TimeProvider.System);
            vault.UnlockWithRoot(SecretBuffer.Create(32, rootKey.ReadOnlyBytes, static (bytes, from) => from.CopyTo(bytes)));
            double opened = Lap(watch);
            using SessionReader newest = vault.OpenSession(TestPod.Session);
            double first = Lap(watch);
            open = GC.GetAllocatedBytesForCurrentThread() - before;
            byte[] bytes = new byte[FormatLimits.ChunkBytes];
            int found = 0;
            for (ulong c = 0; c < Chunks; c++)
            {
                if (newest.State.Map.TryFind(new ChunkKey(1, c), out PayloadRef place) && !place.IsZero)
                    found += newest.Payloads.ReadUpTo(new ChunkKey(1, c), place, bytes) / 16;
            }
            Assert.True(found > 0);
            double all = Lap(watch);
            using SessionReader middle = vault.OpenSession(TestPod.Session, (ulong)(commits / 2));
            double half = Lap(watch);
            before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(commits, vault.ListGenerations(newest.Handle).Count);
            list = GC.GetAllocatedBytesForCurrentThread() - before;
            times.Add((opened, first, all, half, Lap(watch)));
        }
        string Median(Func<(double Open, double First, double All, double Middle, double List), double> of) =>
            times.Select(of).Order().ElementAt(Tries / 2).ToString("0.0", System.Globalization.CultureInfo.InvariantCulture);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{what}: open {Median(t => t.Open)}, newest {Median(t => t.First)}, every chunk {Median(t => t.All)}, " +
            $"@N/2 {Median(t => t.Middle)}, list {Median(t => t.List)} ms");
        return (open, list);
    }

    private static double Lap(Stopwatch watch)
    {
        double ms = watch.Elapsed.TotalMilliseconds;
        watch.Restart();
        return ms;
    }
}
