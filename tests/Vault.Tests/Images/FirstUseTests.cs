using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;
using VmPod.Vault.Tests.Pods;
using VmPod.Vault.Tests.Reader;
using Xunit;

namespace VmPod.Vault.Tests.Images;

/// <summary>What a machine reads first after a resume stands in cells of its own, and is read out of few of them at the next (rule 14).</summary>
[Collection(PodsCollection.Name)]
public sealed class FirstUseTests
{
    private const int Chunk = FormatLimits.ChunkBytes, Page = FormatLimits.PageBytes, CellBytes = FormatLimits.CellBytesDefault;
    private const int Chunks = 100, Pages = Chunks * Chunk / Page;

    private static readonly SessionImageOptions Options = new() { OverlayBytes = 256 * Chunk, CacheBytes = 256 * (Chunk + 64), EncodeThreads = 2 };
    private static readonly SessionImageOptions Tiny = Options with { OverlayBytes = 12 * Chunk, CacheBytes = 24 * (Chunk + 64) };

    [Fact]
    [Trait("Spec", "V-151")]
    [Trait("Spec", "V-152")]
    public void A_second_resume_reads_what_it_needs_first_out_of_fewer_cells_than_the_first()
    {
        using var pod = new TestPod();
        byte[] memory = Make(pod);
        // Every second chunk is touched, a page of it.
        int[] touched = [.. Enumerable.Range(0, Chunks / 2).Select(i => (i * 37 % (Chunks / 2) * 2 * 16 + i % 16))];

        // The control: as long as nothing is placed the visits are alike.
        int first = Visit(pod, memory, touched, place: false), again = Visit(pod, memory, touched, place: true);
        Assert.Equal(first, again);
        int second = Visit(pod, memory, touched, place: false);
        Assert.True(second * 5 <= first, $"{second} cells in place of {first}");
    }

    [Fact]
    [Trait("Spec", "V-151")]
    public void Pages_that_stand_there_already_are_not_written_again_and_a_changed_one_is_alone()
    {
        using var pod = new TestPod();
        byte[] memory = Make(pod);
        int[] touched = [.. Enumerable.Range(0, 200).Select(i => i * 7)];
        long Run(int changed)
        {
            using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
            using var image = new SessionImage(lease, Options);
            image.RecordFirstUse();
            Touch(image, memory, touched);
            for (int i = 0; i < changed; i++)
                Overwrite(image, memory, touched[i * 16]);
            _ = image.EndFirstUse();
            image.Commit(GenerationKind.Checkpoint, "end", close: true, placeFirstUse: true);
            return lease.BytesUsed;
        }

        long placed = Run(0), nothing = Run(0), one = Run(1), five = Run(5);
        Assert.True(placed > 200 * Page, $"{placed} bytes for 200 pages");
        Assert.True(nothing < 2 * Page, $"{nothing} bytes though nothing is new");
        Assert.InRange(one - nothing, Page, 2 * Page);
        Assert.InRange(five - nothing, 5 * Page, 6 * Page);
    }

    [Fact]
    [Trait("Spec", "V-151")]
    public void A_leave_writes_no_page_again()
    {
        using var pod = new TestPod();
        byte[] memory = Make(pod);
        using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
        using var image = new SessionImage(lease, Options);
        image.RecordFirstUse();
        Touch(image, memory, [.. Enumerable.Range(0, 200).Select(i => i * 7)]);
        Assert.Equal(200, image.EndFirstUse().Pages);
        image.Commit(GenerationKind.Checkpoint, "leave", close: true);
        Assert.True(lease.BytesUsed < 2 * Page, $"{lease.BytesUsed} bytes of a leave with nothing to save");
    }

    [Fact]
    [Trait("Spec", "H-152")]
    public void A_rehearsal_stores_what_was_read_first_and_nothing_that_was_written_not_even_what_was_spilled()
    {
        using var pod = new TestPod();
        byte[] memory = Make(pod);
        int[] touched = [.. Enumerable.Range(0, Chunks / 2).Select(i => i * 37 % (Chunks / 2) * 2 * 16 + i % 16)];
        int first = Visit(pod, memory, touched, place: false);
        var host = new RemoteHost(pod, "vm");
        using (var image = new SessionImage(host.Lease, Tiny))
        {
            Assert.Null(image.CommitFirstUse("nothing was noted"));
            image.RecordFirstUse();
            Touch(image, memory, touched);
            byte[] written = [.. memory];
            for (int page = 0; page < Pages; page += 3)
                Overwrite(image, written, page);
            Assert.True(image.Counters.Spills > 0, "nothing was spilled");
            _ = image.Replace("state", StreamKind.State, [1, 2, 3]);
            Assert.Equal(touched.Length, image.EndFirstUse().Pages);
            Assert.NotNull(image.CommitFirstUse("rehearsal"));
        }
        host.End();
        pod.Reopen();
        using (SessionReader reader = pod.Vault.OpenSession("vm"))
            Assert.Equal(["disk", "memory"], reader.Streams.Select(s => s.Name));
        Assert.Equal(memory, File.ReadAllBytes(Path.Combine(pod.Get(session: "vm"), "memory")));
        Assert.Empty(pod.Vault.Verify(null, TestContext.Current.CancellationToken).Damaged);
        int second = Visit(pod, memory, touched, place: false);
        Assert.True(second * 5 <= first, $"{second} cells in place of {first}");
    }

    [Theory]
    [Trait("Spec", "V-140")]
    [Trait("Spec", "V-150")]
    [Trait("Spec", "V-151")]
    [InlineData(31, 64)]
    [InlineData(32, 16)]
    [InlineData(33, 16)]
    public async Task Disk_and_memory_stay_what_they_are_over_visits_that_place_and_overwrite_pages(int seed, int cellKiB)
    {
        var random = new Random(seed);
        using var pod = new TestPod(cellKiB * 1024);
        byte[][] model = [new byte[Chunks * Chunk], Make(pod)];
        int placed = 0;
        for (int visit = 0; visit < 6; visit++)
        {
            var host = new RemoteHost(pod, "vm", isForeign: visit % 2 == 1);
            using (var image = new SessionImage(host.Lease, visit % 3 == 2 ? Tiny : Options))
            {
                image.StartReadAhead();
                image.RecordFirstUse();
                Work(image, model, random, 300);
                if (visit % 3 == 2)
                    _ = image.WaitForReadAhead();
                placed += image.EndFirstUse().Pages;
                Work(image, model, random, 200);
                image.Commit(random.Next(2) == 0 ? GenerationKind.Draft : GenerationKind.DiskOnly, "tip");
                Work(image, model, random, 50);
                image.Commit(GenerationKind.Checkpoint, "live", placeFirstUse: visit != 4);
                Work(image, model, random, 100);
                image.Commit(GenerationKind.Checkpoint, "end", close: true, placeFirstUse: visit != 3);
                for (int stream = 0; stream < 2; stream++)
                    Assert.Equal(model[stream], Read(image, image.Streams[stream].Number, 0, Chunks * Chunk));
            }
            host.End();
            pod.Reopen();
            foreach (PendingInfo pending in pod.Vault.ListPending(pod.Vault.FindSession("vm").Handle))
            {
                using CommitCheck check = pod.Vault.BeginCheck(pending);
                Assert.True(check.Run(null, TestContext.Current.CancellationToken), check.Reason);
                pod.Vault.WriteVerdict(pending, CommitTrust.Sound);
            }
            pod.Reopen();
        }
        Assert.True(placed > 0, "no page was noted");
        using (SessionReader reader = pod.Vault.OpenSession("vm"))
        {
            Assert.Contains(reader.State.AllPlaces(), p => p.Pages?.Targets.Any(t => t.Key.Stream == InternalStream.FirstUsePages) == true);
            // Rule 13: no page costs more.
            Assert.All(reader.State.AllPlaces().Where(p => p.Pages is not null), p => Assert.All(Enumerable.Range(0, PageTable.PagesMax),
                page => Assert.InRange(CellsOf(p, page), 0, cellKiB == 64 ? 4 : 2 * FormatLimits.PayloadCellsMax(cellKiB * 1024))));
        }
        string got = pod.Get(session: "vm");
        Assert.Equal(["disk", "memory"], FolderTree.Names(got).Order());
        Assert.Equal(model[0], await File.ReadAllBytesAsync(Path.Combine(got, "disk"), TestContext.Current.CancellationToken));
        Assert.Equal(model[1], await File.ReadAllBytesAsync(Path.Combine(got, "memory"), TestContext.Current.CancellationToken));
        Assert.Empty(pod.Vault.Verify(null, TestContext.Current.CancellationToken).Damaged);
        pod.Vault.Dispose();
        string read = Path.Combine(pod.Root, "read");
        _ = (await IndependentReader.ReadAsync(pod.Folder, "vm", read)).MustSucceed();
        foreach (string name in FolderTree.Names(got))
            FolderTree.AssertSameBytes(Path.Combine(got, name), Path.Combine(read, name));
    }

    [Fact]
    [Trait("Spec", "V-152")]
    public void A_cold_start_forgets_what_was_read_first_and_a_list_that_does_not_read_is_none()
    {
        using var pod = new TestPod();
        byte[] memory = Make(pod);
        _ = Visit(pod, memory, [1, 2, 3], place: true);
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Options))
        {
            image.StartReadAhead();
            Assert.Equal(3, image.WaitForReadAhead());
            byte[] wrong = [9, 9, 9];
            lease.Put(new ChunkKey(InternalStream.Notes, 0), Codec.Raw, wrong.Length, wrong, lease.TagOf(wrong));
            image.Commit(GenerationKind.Checkpoint, "another list", close: true);
        }
        using (SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host))
        using (var image = new SessionImage(lease, Options))
        {
            image.StartReadAhead();
            Assert.Equal(0, image.WaitForReadAhead());
            image.Reset(image.Streams[1]);
            image.Commit(GenerationKind.Checkpoint, "cold", close: true);
            Assert.False(lease.TryFind(new ChunkKey(InternalStream.Notes, 0), out _));
        }
    }

    [Fact]
    [Trait("Spec", "H-151")]
    public void Damage_that_is_met_while_reading_ahead_is_passed_over_and_found_by_who_reads_there()
    {
        using var pod = new TestPod();
        byte[] memory = Make(pod);
        _ = Visit(pod, memory, [.. Enumerable.Range(0, 400)], place: true);
        CellId[] cells;
        using (SessionReader reader = pod.Vault.OpenSession("vm"))
        {
            cells = [.. reader.State.AllPlaces().SelectMany(p => p.Pages?.Targets ?? []).Where(t => t.Key.Stream == InternalStream.FirstUsePages)
                .Select(t => t.Place.Cell).Distinct()];
        }
        string segment = Path.Combine(pod.Folder, "v1", "segments", "000000.seg");
        byte[] bytes = File.ReadAllBytes(segment);
        int at = Enumerable.Range(0, bytes.Length / CellBytes).First(i => CellId.Of(bytes.AsSpan(i * CellBytes, CellBytes)) == cells[0]);
        Data.WriteAt(segment, at * (long)CellBytes + 100, [(byte)(bytes[at * CellBytes + 100] ^ 1)]);
        pod.Reopen();
        using SessionLease lease = pod.Vault.BeginLease("vm", create: false, TestPod.Host);
        using var image = new SessionImage(lease, Options);
        image.StartReadAhead();
        Assert.Equal(400, image.WaitForReadAhead());
        Assert.Equal(ExitCode.Damaged, Assert.ThrowsAny<VmPodException>(() => Touch(image, memory, [0])).ExitCode);
        Touch(image, memory, [399, 500]);
    }

    [Fact]
    [Trait("Spec", "V-150")]
    public void A_list_of_leaves_may_begin_with_a_stream_that_no_manifest_lists_and_with_none_of_the_vaults_own()
    {
        var place = new PayloadRef(1, 2, CellId.Of([7]), 0);
        foreach ((uint stream, bool isRight) in new[] { (InternalStream.Padding, true), (InternalStream.FirstUsePages, true), (MetadataStream.First, false) })
        {
            var run = new RunDescriptor(5, 100, default, [new LeafRef(new ChunkKey(1, 0), place), new LeafRef(new ChunkKey(stream, 3), place)], []);
            var writer = new ByteWriter();
            run.WriteTo(writer);
            var reader = new ByteReader(writer.Written);
            RunDescriptor read = RunDescriptor.Read(ref reader);
            Assert.Equal(isRight, reader.IsAtEnd && read.Leaves.Count == 2 && read.Leaves[1].First.Stream == stream);
        }
    }

    [Fact]
    [Trait("Spec", "V-150")]
    [Trait("Spec", "V-168")]
    public void A_squash_takes_along_what_hosts_keep_and_leaves_nothing_of_older_leases()
    {
        using var pod = new TestPod();
        byte[] memory = Make(pod);
        int[] touched = [.. Enumerable.Range(0, 50).Select(i => i * 29)];
        _ = Visit(pod, memory, touched, place: true);
        _ = pod.Vault.Squash("vm", TestPod.Host, null, TestContext.Current.CancellationToken);
        using (SessionReader reader = pod.Vault.OpenSession("vm"))
        {
            Assert.True(reader.State.Map.TryFind(new ChunkKey(InternalStream.Notes, 0), out PayloadRef notes) && !notes.IsZero, "the notes are gone");
            Assert.All(reader.State.AllPlaces(), place => Assert.Equal(notes.LeaseId, place.LeaseId));
        }
        Assert.True(pod.Vault.CollectGarbage(isDryRun: false, null, TestContext.Current.CancellationToken).Freed.Cells > 0);
        // The list is still known: the pages are placed again, and then found where they are.
        int first = Visit(pod, memory, touched, place: true), second = Visit(pod, memory, touched, place: false);
        Assert.True(second * 3 <= first, $"{second} cells in place of {first}");
        Assert.True(pod.Vault.Verify(null, TestContext.Current.CancellationToken).IsSound);
    }

    // Cells that a host fetched to read these pages after it had begun.
    private static int Visit(TestPod pod, byte[] memory, int[] touched, bool place)
    {
        var host = new RemoteHost(pod, "vm");
        try
        {
            using var image = new SessionImage(host.Lease, Options);
            host.Fetched.Clear();
            image.StartReadAhead();
            _ = image.WaitForReadAhead();
            image.RecordFirstUse();
            Touch(image, memory, touched);
            int cells = host.Fetched.Select(f => f.Id).Distinct().Count();
            Assert.Equal(touched.Length, image.EndFirstUse().Pages);
            image.Commit(GenerationKind.Checkpoint, "end", close: true, placeFirstUse: place);
            return cells;
        }
        finally
        {
            host.End();
        }
    }

    private static void Touch(SessionImage image, byte[] memory, int[] pages)
    {
        foreach (int page in pages)
            Assert.Equal(memory.AsSpan(page * Page, Page).ToArray(), Read(image, image.Streams[1].Number, (long)page * Page, Page));
    }

    private static void Work(SessionImage image, byte[][] model, Random random, int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            // Most of it near the beginning, so that pages are read, placed and overwritten again.
            int stream = random.Next(2), page = random.Next(3) == 0 ? random.Next(Pages) : random.Next(160), other = random.Next(160);
            uint number = image.Streams[stream].Number;
            switch (random.Next(8))
            {
                case 0:
                    Overwrite(image, model[stream], page, stream);
                    break;
                case 1:
                    image.Write(number, (long)page * Page + 99, "a few bytes"u8);
                    "a few bytes"u8.CopyTo(model[stream].AsSpan(page * Page + 99));
                    break;
                case 2 when step % 5 == 0:
                    image.Zero(number, (long)page * Page, Page);
                    model[stream].AsSpan(page * Page, Page).Clear();
                    break;
                case 3:
                    // What the other stream has, as a guest's cache does.
                    byte[] there = Read(image, image.Streams[1 - stream].Number, (long)other * Page, Page);
                    image.Write(number, (long)page * Page, there);
                    there.CopyTo(model[stream], page * Page);
                    break;
                default:
                    Assert.Equal(model[stream].AsSpan(page * Page, Page).ToArray(), Read(image, number, (long)page * Page, Page));
                    break;
            }
        }
    }

    private static void Overwrite(SessionImage image, byte[] model, int page, int stream = 1)
    {
        Random.Shared.NextBytes(model.AsSpan(page * Page, Page));
        image.Write(image.Streams[stream].Number, (long)page * Page, model.AsSpan(page * Page, Page));
    }

    private static int CellsOf(PayloadRef place, int page) => place.Pages!.KindOf(page) switch
    {
        PageKind.Zero => 0,
        PageKind.Own => (place with { Pages = null }).Cells().Count(),
        PageKind.Reference => place.Pages.ReferenceOf(page).Target.Place.Cells().Count(),
        _ => (place with { Pages = null }).Cells().Count() + place.Pages.ReferenceOf(page).Target.Place.Cells().Count(),
    };

    // A machine with an empty disk and a memory in which no page is like another.
    private static byte[] Make(TestPod pod)
    {
        byte[] content = Data.Random(5, Chunks * Chunk);
        using SessionLease lease = pod.Vault.BeginLease("vm", create: true, TestPod.Host);
        using var image = new SessionImage(lease, Options);
        image.SetStream("disk", StreamKind.Disk, content.Length);
        StreamInfo memory = image.SetStream("memory", StreamKind.Memory, content.Length);
        image.Write(memory.Number, 0, content);
        image.Commit(GenerationKind.Checkpoint, "made", close: true);
        return content;
    }

    private static byte[] Read(SessionImage image, uint stream, long offset, int length)
    {
        byte[] bytes = new byte[length];
        image.Read(stream, offset, bytes);
        return bytes;
    }
}
