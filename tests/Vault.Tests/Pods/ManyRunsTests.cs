using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tables;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>Suspends of one size, one after the other: the tables' runs stay few, however long their entries are.</summary>
[Collection(PodsCollection.Name)]
public sealed class ManyRunsTests
{
    // Sixteen pages in each chunk from sixteen payloads: an entry of the map is some 900 bytes long, and a run too long to stand in the manifest.
    private const int Chunks = 16, Puts = FormatLimits.RunsMax + 6;

    [Fact]
    public void After_more_puts_than_a_table_may_have_runs_the_next_one_works_and_the_oldest_reads_as_it_was()
    {
        string root = Directory.CreateDirectory(Path.Combine("/dev/shm", Path.GetRandomFileName())).FullName;
        try
        {
            using var pod = new TestPod(16 * 1024, root);
            byte[] disk = Data.Random(0, Chunks * FormatLimits.ChunkBytes), first = [.. disk];
            int most = 0;
            for (int put = 0; put < Puts; put++)
            {
                // One page of each chunk, each time another.
                for (int chunk = 0; chunk < Chunks; chunk++)
                    Data.Random(put * 100 + chunk + 1, 4096).CopyTo(disk, chunk * FormatLimits.ChunkBytes + put % 16 * 4096);
                pod.Write("disk-flat.vmdk", disk);
                pod.Put();
                if (put == 0)
                    first = [.. disk];
                using SessionReader reader = pod.Vault.OpenSession(TestPod.Session);
                most = Math.Max(most, Math.Max(reader.State.Map.Descriptors.Count, reader.State.Tags.Descriptors.Count));
            }
            TestContext.Current.TestOutputHelper?.WriteLine($"{Puts} puts, at most {most} runs");
            Assert.InRange(most, 1, RunWriter.RunsBeforeLargeMerge + 1);
            Assert.Equal(disk, File.ReadAllBytes(Path.Combine(pod.Get(), "disk-flat.vmdk")));
            Assert.Equal(first, File.ReadAllBytes(Path.Combine(pod.Get(generation: 1), "disk-flat.vmdk")));
            Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }
}
