using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Tests.Reader;
using Xunit;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A session that stores its chunks alone: by how much a commit grew says nothing of what else is in it (K-32).</summary>
[Collection(PodsCollection.Name)]
public sealed class StoredAloneTests
{
    private const int Chunk = FormatLimits.ChunkBytes, Page = FormatLimits.PageBytes, Pages = 240;

    private static readonly SessionImageOptions Options = new() { OverlayBytes = 256 * Chunk, CacheBytes = 64 * (Chunk + 64), EncodeThreads = 2 };

    [Theory]
    [Trait("Spec", "V-155")]
    [Trait("Spec", "V-156")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_guest_that_guesses_what_its_disk_holds_is_told_by_a_commits_size_unless_chunks_are_stored_alone(bool isAlone)
    {
        // What it cannot read, and its memory, in which it makes pages: the right ones, and ones that are wrong.
        byte[] secret = Data.Random(1, Pages * Page), wrong = Data.Random(2, Pages * Page);
        int right = CellsOfGuess(secret, secret, isAlone), other = CellsOfGuess(secret, wrong, isAlone);
        if (isAlone)
            Assert.Equal(other, right);
        else
            Assert.True(right * 3 < other, $"the attack shows nothing: {right} and {other} cells");
    }

    [Theory]
    [Trait("Spec", "V-155")]
    [InlineData(false)]
    [InlineData(true)]
    public void A_guest_that_writes_what_stood_there_before_is_told_by_a_commits_size_unless_chunks_are_stored_alone(bool isAlone)
    {
        using var pod = new TestPod();
        byte[] content = Data.Random(3, 20 * Chunk), wrong = Data.Random(4, 20 * Chunk);
        Make(pod, content, isAlone);
        int Cells(byte[] guess)
        {
            using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
            using var image = new SessionImage(lease, Options);
            image.Write(image.Streams[0].Number, 0, guess);
            int added = image.Commit(GenerationKind.Checkpoint, "guess", close: true).CellsAdded;
            return added;
        }

        int right = Cells(content), other = Cells(wrong);
        if (isAlone)
            Assert.Equal(other, right);
        else
            Assert.True(right * 3 < other, $"the attack shows nothing: {right} and {other} cells");
    }

    [Fact]
    [Trait("Spec", "V-156")]
    public void Counts_of_cells_are_padded_by_a_quarter_at_most_to_few_numbers()
    {
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 10, 12, 12, 14, 14, 16, 16, 20, 20, 20, 20, 24],
            Enumerable.Range(0, 22).Select(n => (int)SessionLease.PaddedCells(n)));
        for (long cells = 1; cells < 5_000_000; cells += 1 + cells / 100)
        {
            long padded = SessionLease.PaddedCells(cells);
            Assert.InRange(padded, cells, cells + cells / 4);
            Assert.Equal(padded, SessionLease.PaddedCells(padded));
        }
    }

    [Fact]
    [Trait("Spec", "V-154")]
    [Trait("Spec", "V-155")]
    [Trait("Spec", "V-156")]
    public async Task It_stays_so_for_every_put_and_every_machine_and_all_readers_give_the_files_as_they_were()
    {
        using var pod = new TestPod(16 * 1024);
        byte[] disk = Data.Text(5, 12 << 20);
        void Change(int at) => Data.Random(at, 5000).CopyTo(disk, at);
        for (int put = 0; put < 4; put++)
        {
            pod.Write("disk.raw", disk);
            pod.Write("memory.vmem", disk.AsSpan(1 << 20, 10 << 20));
            pod.Write("state", disk.AsSpan(put * 77, 200_000));
            using SessionLease lease = pod.Vault.BeginLease(TestPod.Session, create: true, TestPod.Host);
            if (put == 1)
                lease.StoreAlone();
            Assert.Equal(put >= 1, lease.StoresAlone);
            _ = SnapshotWriter.Put(lease, [pod.Source], "put", null, TestContext.Current.CancellationToken);
            FolderTree.AssertSame(pod.Source, pod.Get());
            for (int i = 0; i < 30; i++)
                Change(i * 300_000 + put * 7000);
        }
        using (SessionReader reader = pod.Vault.OpenSession(TestPod.Session))
        {
            ulong before = pod.Vault.ListGenerations(reader.Handle).First(g => g.Record.Generation == 1).Record.Number;
            PayloadRef[] places = [.. reader.State.AllPlaces().Where(p => p.Commit > before)];
            Assert.NotEmpty(places);
            Assert.All(places, p => Assert.Null(p.Pages));
            Assert.True(reader.State.Map.Enumerate(new ChunkKey(InternalStream.Padding, 0), new ChunkKey(InternalStream.Padding + 1, 0)).Any());
        }
        pod.Vault.Dispose();
        string read = Path.Combine(pod.Root, "read");
        _ = (await IndependentReader.ReadAsync(pod.Folder, TestPod.Session, read)).MustSucceed();
        FolderTree.AssertSame(pod.Source, read);
    }

    [Fact]
    [Trait("Spec", "V-154")]
    public void A_policy_that_does_not_read_ends_the_put_and_is_not_taken_for_none()
    {
        using var pod = new TestPod();
        Make(pod, Data.Random(6, Chunk), isAlone: true);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Options))
        {
            byte[] other = [1, 2];
            lease.Put(new ChunkKey(InternalStream.Policy, 0), Codec.Raw, other.Length, other, lease.TagOf(other));
            image.Commit(GenerationKind.Checkpoint, "another policy", close: true);
        }
        using SessionLease next = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => next.StoresAlone).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-154")]
    public void A_host_that_drops_it_is_found_when_its_commit_is_looked_into()
    {
        using var pod = new TestPod();
        Make(pod, Data.Random(6, Chunk), isAlone: true);
        var host = new RemoteHost(pod, "vm", isForeign: true);
        using (var image = new SessionImage(host.Lease, Options))
        {
            host.Lease.PutZero(new ChunkKey(InternalStream.Policy, 0));
            image.Commit(GenerationKind.Checkpoint, "dropped", close: true);
        }
        host.End();
        PendingInfo pending = Assert.Single(pod.Vault.ListPending(pod.Vault.FindSession("vm").Handle));
        using CommitCheck check = pod.Vault.BeginCheck(pending);
        Assert.False(check.Run(null, TestContext.Current.CancellationToken));
        Assert.Contains("alone", check.Reason, StringComparison.Ordinal);
    }

    // The disk has the secret and the machine has read it; then the guest makes pages in its memory.
    private static int CellsOfGuess(byte[] secret, byte[] guess, bool isAlone)
    {
        using var pod = new TestPod();
        Make(pod, secret, isAlone);
        using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
        using var image = new SessionImage(lease, Options);
        byte[] page = new byte[Page];
        for (int i = 0; i < Pages; i++)
            image.Read(image.Streams[0].Number, (long)i * Page, page);
        image.Write(image.Streams[1].Number, 0, guess);
        return image.Commit(GenerationKind.Checkpoint, "guess", close: true).CellsAdded;
    }

    private static void Make(TestPod pod, byte[] content, bool isAlone)
    {
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, Options);
        if (isAlone)
            lease.StoreAlone();
        StreamInfo disk = image.SetStream("disk", StreamKind.Disk, content.Length);
        image.SetStream("memory", StreamKind.Memory, content.Length);
        image.Write(disk.Number, 0, content);
        image.Commit(GenerationKind.Checkpoint, "made", close: true);
    }
}
