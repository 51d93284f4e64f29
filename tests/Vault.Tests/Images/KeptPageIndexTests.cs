using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Images;

/// <summary>What passed in one stay is found in the next, out of a bounded index that is sealed with the session.</summary>
[Collection(PodsCollection.Name)]
public sealed class KeptPageIndexTests
{
    private const int Chunk = FormatLimits.ChunkBytes, Page = FormatLimits.PageBytes, Chunks = 60;

    private static readonly SessionImageOptions Options = new() { OverlayBytes = 256 * Chunk, CacheBytes = 64 * (Chunk + 64), EncodeThreads = 2 };

    [Theory]
    [Trait("Spec", "V-153")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_page_that_passed_in_an_earlier_stay_is_found_if_that_kept_its_index(bool isKept)
    {
        using var pod = new TestPod();
        byte[] disk = Data.Random(3, Chunks * Chunk);
        Make(pod, disk);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Options))
        {
            Read(image, image.Streams[0].Number, 0, disk.Length);
            image.Commit(GenerationKind.Checkpoint, "first", close: true, placeFirstUse: isKept);
        }
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Options))
        {
            // The guest moves about what it has: nothing of the disk passes.
            image.Write(image.Streams[1].Number, 5 * Page, disk.AsSpan(0, 40 * Chunk));
            image.Commit(GenerationKind.Checkpoint, "second", close: true, placeFirstUse: isKept);
            // Page by page: a few may have found no room in the index.
            if (isKept)
                Assert.InRange(lease.BytesUsed, 1, 8 * Chunk);
            else
                Assert.InRange(lease.BytesUsed, 40 * Chunk, 50 * Chunk);
            Assert.Equal(disk[..(40 * Chunk)], Read(image, image.Streams[1].Number, 5 * Page, 40 * Chunk));
        }
    }

    [Fact]
    [Trait("Spec", "V-153")]
    public void A_checkpoint_adds_one_part_at_most_and_all_of_them_are_bounded()
    {
        using var pod = new TestPod();
        // Each part has room for some 11,000 pages: twelve parts' worth passes.
        const int perVisit = 700, visits = 12;
        byte[] piece = new byte[perVisit * Chunk];
        Make(pod, piece, (long)visits * perVisit * Chunk, (long)visits * perVisit * Chunk);
        var random = new Random(4);
        for (int visit = 0; visit < visits; visit++)
        {
            using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
            using var image = new SessionImage(lease, Options);
            for (int page = 0; page < piece.Length; page += Page)
                random.NextBytes(piece.AsSpan(page, 16));
            image.Write(image.Streams[0].Number, (long)visit * piece.Length, piece);
            int before = Parts(lease).Count;
            image.Commit(GenerationKind.Checkpoint, "visit", placeFirstUse: true);
            Assert.Equal(Math.Min(before + 1, PageIndexPart.PartsMax), Parts(lease).Count);
            // Nothing new: nothing is added.
            Dictionary<ulong, CellId> parts = Parts(lease);
            image.Commit(GenerationKind.Checkpoint, "again", close: true, placeFirstUse: true);
            Assert.Equal(parts, Parts(lease));
        }
    }

    [Theory]
    [Trait("Spec", "V-153")]
    [InlineData("")]                                                            // nothing
    [InlineData("01 0000000000000000 000000")]                                  // no number
    [InlineData("02 0000000000000000 00000001")]                                // another version
    [InlineData("01 0000000000000001 00000001")]                                // another seed
    [InlineData("01 0000000000000000 00000001 00000001 00000000 0000")]         // a row of no page
    [InlineData("01 0000000000000000 00000001 00000001 00000000 0001 01020304")]    // a hash cut off
    [InlineData("01 0000000000000000 00000001 00000001 000000")]                // a row cut off
    [InlineData("01 0000000000000000 00000001 80000000 00000000 0001 0102030405")]  // a stream that is no manifest's
    [InlineData("01 0000000000000000 00000001 00000001 10000001 0001 0102030405")]  // a chunk behind every stream's end
    public void A_part_in_another_form_is_none(string hex)
    {
        using var index = new PageIndex(1000, 0);
        Assert.False(index.TryAddPart(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal))));
    }

    [Fact]
    [Trait("Spec", "V-153")]
    public void What_an_index_writes_another_with_its_seed_finds_at_the_same_places()
    {
        byte[] pages = Data.Random(9, 30 * Chunk), part = new byte[Chunk];
        using var from = new PageIndex(2000, 77) { KeepsMarks = true };
        for (int chunk = 0; chunk < 30; chunk++)
            from.AddPages(new ChunkKey(2, (ulong)chunk * 1000), pages.AsSpan(chunk * Chunk, Chunk), isNew: true);
        int length = from.WriteNewRows(part, PageIndexPart.WriteHeader(part, 77, 1));
        Assert.Equal(length, from.WriteNewRows(part, length));
        using var to = new PageIndex(2000, 77);
        Assert.True(to.TryAddPart(part.AsSpan(0, length)));
        int found = 0;
        for (int page = 0; page < pages.Length / Page; page++)
        {
            if (to.TryFind(to.HashOf(pages.AsSpan(page * Page, Page)), out ChunkKey key, out int at, out bool isNew))
            {
                Assert.Equal((new ChunkKey(2, (ulong)page / 16 * 1000), page % 16, false), (key, at, isNew));
                found++;
            }
        }
        Assert.InRange(found, 470, 480);
    }

    private static Dictionary<ulong, CellId> Parts(SessionLease lease) => lease.Reader!.State.Map
        .Enumerate(new ChunkKey(InternalStream.PageIndex, 0), new ChunkKey(InternalStream.PageIndex + 1, 0)).ToDictionary(e => e.Key.Chunk, e => e.Value.Cell);

    private static void Make(TestPod pod, byte[] content, long? diskBytes = null, long? memoryBytes = null)
    {
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, Options);
        StreamInfo disk = image.SetStream("disk", StreamKind.Disk, diskBytes ?? content.Length);
        image.SetStream("memory", StreamKind.Memory, memoryBytes ?? content.Length);
        image.Write(disk.Number, 0, content);
        image.Commit(GenerationKind.Checkpoint, "made", close: true);
    }

    private static byte[] Read(SessionImage image, uint stream, long offset, int length)
    {
        byte[] bytes = new byte[length];
        image.Read(stream, offset, bytes);
        return bytes;
    }
}
