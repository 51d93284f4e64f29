using System.Buffers.Binary;
using System.Text.Json;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Testing;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Keys;
using VmPod.Vault.Tests.Pods;
using VmPod.Vault.Tests.Vmdk;
using VmPod.Vault.Words;

namespace VmPod.Vault.Tests.Reader;

/// <summary>vault/SPEC.md is enough to write another reader: one in Python, which shares no code, gives every generation as it was put.</summary>
[Collection(PodsCollection.Name)]
public sealed class IndependentReaderTests
{
    [Theory]
    [InlineData(CellSuite.HmacAes, 64)]
    [InlineData(CellSuite.Blake2bChaCha20, 16)]
    [Trait("Spec", "V-08")]
    [Trait("Spec", "V-14")]
    [Trait("Spec", "V-16")]
    [Trait("Spec", "V-25")]
    [Trait("Spec", "V-31")]
    [Trait("Spec", "V-34")]
    [Trait("Spec", "V-35")]
    [Trait("Spec", "V-115")]
    [Trait("Spec", "V-140")]
    [Trait("Spec", "V-143")]
    [Trait("Spec", "V-144")]
    [Trait("Spec", "V-145")]
    public async Task A_reader_in_another_language_gives_every_generation_with_every_codec(byte suite, int cellKiB)
    {
        using var pod = new TestPod(cellKiB * 1024, suite: suite);
        var session = new SessionOfAllCodecs(pod);
        pod.Vault.Dispose();
        var found = new List<JsonElement>();
        for (int generation = 1; generation <= session.Kept.Count; generation++)
        {
            string into = Path.Combine(pod.Root, $"read-{generation}");
            found.Add((await IndependentReader.ReadAsync(pod.Folder, $"{TestPod.Session}@{generation}", into)).MustSucceed().Json);
            FolderTree.AssertSame(session.Kept[generation - 1], into);
        }
        foreach (JsonElement said in found)
        {
            Assert.Equal("sound", said.GetProperty("log").GetString());
            Assert.Equal("whole", said.GetProperty("lineage").GetString());
            Assert.Equal(session.Kept.Count, said.GetProperty("generations").GetArrayLength());
            // Every chunk that is there has its tag, and each is that of its bytes.
            string[] stored = ["raw", "zstd", "patch", "pageref", "delta", "group", "named"];
            Assert.Equal(stored.Sum(codec => said.Count("chunks", codec)), said.GetProperty("tags_checked").GetInt64());
        }
        // What was not there was not shown: each codec, each kind of page and each way to list leaves must occur.
        foreach ((string group, string name) in new[]
        {
            ("chunks", "zero"), ("chunks", "raw"), ("chunks", "zstd"), ("chunks", "patch"), ("chunks", "pageref"), ("chunks", "delta"), ("chunks", "group"),
            ("chunks", "named"),
            ("pages", "zero"), ("pages", "own"), ("pages", "target"), ("pages", "difference"),
            ("target_pages", "raw"), ("target_pages", "zstd"), ("target_pages", "pageref"), ("target_pages", "group"),
            ("structure", "inline_runs"), ("structure", "leaf_runs"), ("structure", "map_leaves"), ("structure", "tag_leaves"),
        })
            Assert.True(found.Sum(said => said.Count(group, name)) > 0, $"no {name} in {group}");
    }

    [Fact]
    [Trait("Spec", "V-160")]
    [Trait("Spec", "V-161")]
    [Trait("Spec", "V-168")]
    public async Task It_reads_what_a_housekeeping_left_and_nothing_that_was_forgotten()
    {
        using var pod = new TestPod(16 * 1024);
        var kept = new List<string>();
        for (int i = 1; i <= 4; i++)
        {
            // A segment is 16 MiB: the first ones are deleted whole.
            pod.Write("a", Data.Random(i, i == 1 ? 40_000_000 : 700_000));
            pod.Put();
            kept.Add(pod.Keep($"{i}"));
        }
        pod.Vault.Forget(pod.Vault.PlanForget(TestPod.Session, [1, 3], []));
        Assert.True(pod.Vault.CollectGarbage(isDryRun: false, null, TestContext.Current.CancellationToken).Freed.Cells > 2000);
        Assert.False(File.Exists(Path.Combine(pod.Folder, "v1/segments/000000.seg")));
        pod.Vault.Dispose();
        string first = Path.Combine(pod.Root, "first");
        _ = (await IndependentReader.ReadAsync(pod.Folder, TestPod.Session + "@2", first)).MustSucceed();
        FolderTree.AssertSame(kept[1], first);
        Assert.Equal(3, (await IndependentReader.ReadAsync(pod.Folder, TestPod.Session + "@3", Path.Combine(pod.Root, "gone"))).ExitCode);

        pod.Reopen();
        _ = pod.Vault.Squash(TestPod.Session, TestPod.Host, null, TestContext.Current.CancellationToken);
        _ = pod.Vault.CollectGarbage(isDryRun: false, null, TestContext.Current.CancellationToken);
        pod.Vault.Dispose();
        string second = Path.Combine(pod.Root, "second");
        _ = (await IndependentReader.ReadAsync(pod.Folder, TestPod.Session, second)).MustSucceed();
        FolderTree.AssertSame(kept[3], second);
    }

    [Fact]
    [Trait("Spec", "V-21")]
    [Trait("Spec", "V-27")]
    public async Task It_reads_a_disk_whose_leaves_are_too_many_for_the_manifest()
    {
        using var pod = new TestPod();
        const int pages = 34_000, apart = 2 * 65_536;
        // A page in every second chunk: what is read back is checked by the tags of the chunks and by the count of them.
        using (FileStream disk = File.Create(pod.FileOf("disk.raw")))
        {
            disk.SetLength((long)pages * apart);
            byte[] page = new byte[4096];
            for (int i = 0; i < pages; i++)
            {
                BinaryPrimitives.WriteInt32BigEndian(page.AsSpan(i % 1000 * 4), i + 1);
                disk.Position = (long)i * apart + i % 16 * 4096;
                disk.Write(page);
            }
        }
        pod.Put();
        pod.Vault.Dispose();
        string into = Path.Combine(pod.Root, "read");
        JsonElement said = (await IndependentReader.ReadAsync(pod.Folder, TestPod.Session, into)).MustSucceed().Json;
        FolderTree.AssertSame(pod.Source, into);
        Assert.True(said.Count("structure", "list_runs") > 0 && said.Count("structure", "lists") > 0, "no list of leaves is a payload of its own");
        Assert.Equal(pages, said.GetProperty("tags_checked").GetInt64());
    }

    [Theory]
    [InlineData("monolithicSparse", 1)]
    [InlineData("twoGbMaxExtentSparse", 1)]
    [InlineData("streamOptimized", 1)]
    [InlineData("monolithicFlat", 0)]
    [Trait("Spec", "V-130")]
    [Trait("Spec", "V-131")]
    [Trait("Spec", "V-133")]
    [Trait("Spec", "V-135")]
    public async Task It_gives_disk_containers_byte_exact_without_knowing_what_a_VMDK_is(string subformat, int containers)
    {
        using var pod = new TestPod();
        string raw = Path.Combine(pod.Root, "raw");
        QemuImage.WriteRaw(raw, (48 << 20) + 5 * 512);
        QemuImage.Convert(raw, pod.FileOf("disk.vmdk"), subformat);
        pod.Put();
        if (subformat == "monolithicSparse")
            QemuImage.WriteInto(pod.FileOf("disk.vmdk"), 3 << 20, 200_000, 7);
        pod.Put();
        pod.Vault.Dispose();
        string into = Path.Combine(pod.Root, "read");
        JsonElement said = (await IndependentReader.ReadAsync(pod.Folder, TestPod.Session, into)).MustSucceed().Json;
        FolderTree.AssertSame(pod.Source, into);
        Assert.Equal(containers, said.GetProperty("streams").EnumerateArray().Count(s => s.GetProperty("kind").GetString() == "container"));
    }

    [Fact]
    [Trait("Spec", "V-34")]
    [Trait("Spec", "V-91")]
    [Trait("Spec", "V-96")]
    [Trait("Spec", "V-113")]
    public async Task It_reads_the_fork_that_a_host_left_and_a_pod_that_its_words_opened()
    {
        using RecoveryWords words = RecoveryWords.Create();
        using var pod = new TestPod(16 * 1024, words: words);
        pod.Write("a", Data.Random(1, 500_000));
        pod.Write("b", Data.Text(2, 400_000));
        pod.Put();
        string first = pod.Keep("first");
        // A host works on the session and cannot send it; the owner goes on without it; then it hands in what it has, to a pod that is locked.
        var host = new RemoteHost(pod) { IsAway = true };
        using (SessionImage image = GrantedLeaseTests.ImageOf(host))
        {
            GrantedLeaseTests.Replace(pod, image, "b", Data.Random(22, 100_000));
            image.Commit(GenerationKind.DiskOnly, "rest");
        }
        string left = pod.Keep("left");
        Assert.True(pod.Vault.BreakLease(TestPod.Session));
        pod.Write("a", Data.Random(23, 200_000));
        pod.Put();
        string now = pod.Keep("now");
        pod.Vault.Lock();
        host.HandIn(pod.Vault);
        host.End();
        pod.Vault.Dispose();
        using (PodVault opened = PodVault.OpenByWords(pod.Folder, words, acceptsDamage: false, TimeProvider.System))
        using (SecretBuffer secret = TestPod.Secret("another passphrase"))
        {
            opened.SaveNewSecrets(secret, TestPod.Cheap.Argon2MemoryKiB);
            opened.FenceLeases();
        }

        async Task<string> Read(string session)
        {
            string into = Path.Combine(pod.Root, "read " + session);
            (await IndependentReader.ReadAsync(pod.Folder, session, into, "another passphrase")).MustSucceed();
            return into;
        }

        FolderTree.AssertSame(first, await Read("work@1"));
        FolderTree.AssertSame(now, await Read("work"));
        GrantedLeaseTests.AssertSameBytes(left, await Read($"work@fork-{host.Lease.LeaseId:x16}"));
    }

    [Fact]
    public async Task It_agrees_with_every_vector_of_what_it_reads()
    {
        CliResult checkedAll = (await IndependentReader.CheckVectorsAsync(Repository.PathOf("tests", "Vectors", "vault", "v1"))).MustSucceed();
        foreach (string layer in new[] { "cell", "content", "map-leaf", "tag-leaf", "manifest", "commit", "payload", "chunk" })
        {
            Assert.True(checkedAll.Json.GetProperty($"{layer} ok").GetInt32() > 0, layer);
            Assert.True(checkedAll.Json.GetProperty($"{layer} refuse").GetInt32() > 0, layer);
        }
    }

    [Fact]
    [Trait("Spec", "V-10")]
    [Trait("Spec", "V-59")]
    public async Task It_refuses_a_wrong_passphrase_and_waits_for_no_writer()
    {
        using TestPod pod = Small();
        int reads = 0;
        Task<CliResult> Read(string session, string passphrase) =>
            IndependentReader.ReadAsync(pod.Folder, session, Path.Combine(pod.Root, $"read-{reads++}"), passphrase);
        (await Read("work", "correct horse")).MustEndWith((int)ExitCode.Busy);
        pod.Vault.Dispose();
        (await Read("work", "correct horse")).MustSucceed();
        (await Read("work", "correct hors")).MustEndWith((int)ExitCode.Refused);
        (await Read("play", "correct horse")).MustEndWith((int)ExitCode.NotFound);
        (await Read("work@4", "correct horse")).MustEndWith((int)ExitCode.NotFound);
    }

    [Fact]
    [Trait("Spec", "V-07")]
    [Trait("Spec", "V-41")]
    public async Task A_flipped_bit_in_any_part_of_a_cell_is_damage_to_it_too()
    {
        using TestPod pod = Small();
        pod.Vault.Dispose();
        string segment = Path.Combine(pod.Folder, "v1/segments/000000.seg");
        const int cell = 16 * 1024;
        (await IndependentReader.ReadAsync(pod.Folder, "work@1", Path.Combine(pod.Root, "read"))).MustSucceed();
        // Header, key id, T, ciphertext, padding and tag of the first cell, which holds data, and the tag of the last one, which holds a manifest.
        foreach (long at in new[] { 0, 9, 17, 5000, cell - 20, cell - 1, new FileInfo(segment).Length - 1 })
        {
            Flip(segment, at);
            string session = at < cell ? "work@1" : "work@3";
            (await IndependentReader.ReadAsync(pod.Folder, session, Path.Combine(pod.Root, $"read-{at}"))).MustEndWith((int)ExitCode.Damaged);
            Flip(segment, at);
        }
    }

    [Fact]
    [Trait("Spec", "V-30")]
    [Trait("Spec", "V-34")]
    [Trait("Spec", "V-43")]
    [Trait("Spec", "V-63")]
    [Trait("Spec", "V-74")]
    public async Task Damage_to_the_log_or_the_slots_costs_what_it_hits()
    {
        using TestPod pod = Small();
        pod.Vault.Dispose();
        JsonElement session = (await IndependentReader.ListAsync(pod.Folder)).GetProperty("sessions")[0];
        long second = session.GetProperty("generations")[1].GetProperty("offset").GetInt64();
        string log = Path.Combine(pod.Folder, "v1/log"), slots = Path.Combine(pod.Folder, "v1/slots.bin"), descriptor = Path.Combine(pod.Folder, "vault.json");
        int reads = 0;
        Task<CliResult> Read(int generation) => IndependentReader.ReadAsync(pod.Folder, $"work@{generation}", Path.Combine(pod.Root, $"read-{reads++}"));

        // A byte of the second generation's commit: that one is lost, and the ones before and after it are not.
        Flip(log, second + 100);
        (await Read(2)).MustEndWith((int)ExitCode.Damaged);
        Assert.Equal("damaged", (await Read(1)).MustSucceed().Json.GetProperty("log").GetString());
        Assert.Equal("broken", (await Read(3)).MustSucceed().Json.GetProperty("lineage").GetString());
        Flip(log, second + 100);

        // A flipped bit in either slot loses nothing.
        foreach (int place in new[] { 0, 1 })
        {
            Flip(slots, place * 4096 + 40);
            Assert.Equal("sound", (await Read(3)).MustSucceed().Json.GetProperty("log").GetString());
            Flip(slots, place * 4096 + 40);
        }

        // The owner signed the descriptor; a newer format is a refusal and no damage.
        string original = await File.ReadAllTextAsync(descriptor, TestContext.Current.CancellationToken);
        foreach ((string from, string to, ExitCode code) in new[]
        {
            ("\"suite\": 2", "\"suite\": 1", ExitCode.Damaged),
            ("\"created\": 1", "\"created\": 2", ExitCode.Damaged),
            ("\"format\": 1", "\"format\": 2", ExitCode.Refused),
        })
        {
            Assert.Contains(from, original, StringComparison.Ordinal);
            await File.WriteAllTextAsync(descriptor, original.Replace(from, to, StringComparison.Ordinal), TestContext.Current.CancellationToken);
            (await Read(3)).MustEndWith((int)code);
        }
    }

    private static TestPod Small()
    {
        var pod = new TestPod(16 * 1024);
        for (int generation = 1; generation <= 3; generation++)
        {
            pod.Write("a", Data.Random(generation, 70_000));
            pod.Put();
        }
        return pod;
    }

    private static void Flip(string path, long offset)
    {
        using FileStream file = File.Open(path, FileMode.Open);
        file.Position = offset;
        int was = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(was ^ 1));
    }
}
