using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.PodKeeper.Tests.Hostile;
using VmPod.PodKeeper.Tests.Pods;
using VmPod.Sync.Mirror;
using VmPod.Testing;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>Each side of a mirror link hears the other's words, changed: it ends with an error and a mirror that is whole, or it did what was said.</summary>
public sealed class TranscriptTests : IDisposable
{
    private const int UsualMutations = 200;

    private readonly TestPod bench = new();
    private readonly TempFolder ram = new(inRam: true);

    private static int Mutations { get; } = Soak.Rounds * UsualMutations;

    public void Dispose()
    {
        bench.Dispose();
        ram.Dispose();
    }

    [Fact]
    [Trait("Spec", "S-161")]
    [Trait("Spec", "S-170")]
    [Trait("Threat", "T-46")]
    public void A_mirror_that_hears_changed_words_keeps_its_old_head_or_has_the_new_one_whole()
    {
        Put(1);
        string old = bench.Temp["old"];
        _ = Record(old);
        Put(2);
        MirrorBench.Copy(old, bench.Temp["recorded"]);
        byte[] said = Record(bench.Temp["recorded"]);
        ulong before = HeadOf(old), after = HeadOf(bench.Temp["recorded"]);
        Assert.True(after > before);
        // Unchanged, word for word, it is taken: a change is what makes the difference.
        Assert.Equal((ExitCode.Done, after), Hear(old, said));
        int taken = 0, refused = 0;
        foreach (byte[] changed in Mutated(said, Mutations))
        {
            (ExitCode code, ulong head) = Hear(old, changed);
            Assert.True(head == before || head == after, $"head {head}");
            Assert.NotEqual(ExitCode.Bug, code);
            _ = head == after ? taken++ : refused++;
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{refused} refused, {taken} taken");
        Assert.True(refused > Mutations / 4);
    }

    [Fact]
    [Trait("Spec", "S-161")]
    [Trait("Spec", "P-120")]
    [Trait("Threat", "T-46")]
    public void A_pod_is_restored_from_changed_words_never_other_than_it_was()
    {
        Put(1);
        Put(2);
        string mirror = bench.Temp["mirror"];
        _ = Record(mirror);
        byte[] said = RecordReading(mirror);
        int same = 0, refused = 0;
        foreach (byte[] changed in Mutated(said, Mutations))
        {
            string back = ram["back"];
            try
            {
                using var client = new MirrorClient(new MemoryStream(changed), Stream.Null, null);
                using (var to = new MirrorFolder(back, null, false, bench.Clock, CancellationToken.None))
                {
                    _ = MirrorRun.Run(client, to, MirrorWishes.None, null, CancellationToken.None);
                    if (to.FindMissing().Length > 0)
                        throw new VmPodException(ExitCode.Damaged, "Cells were left out.");
                }
                using PodVault vault = PodVault.Open(back, StoreAccess.Read, bench.Clock);
                Assert.Equal(HeadOf(mirror), vault.Store.Head.Seq);
                Assert.True(vault.Store.IsLogSound(CancellationToken.None));
                Assert.Equal(vault.TakeStock().Needed, vault.KnownIds().Intersect(vault.TakeStock().Needed));
                same++;
            }
            catch (VmPodException e)
            {
                Assert.True(e.ExitCode is ExitCode.Damaged or ExitCode.Refused or ExitCode.LinkLost or ExitCode.NoSpace or ExitCode.Busy
                    or ExitCode.NotFound or ExitCode.Usage or ExitCode.Missing, $"{e.ExitCode}: {e.Message}");
                refused++;
            }
            if (Directory.Exists(back))
                Directory.Delete(back, recursive: true);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{refused} refused, {same} the same");
        Assert.True(refused > Mutations / 4);
    }

    [Fact]
    [Trait("Spec", "S-163")]
    [Trait("Spec", "V-189")]
    public void A_cell_under_another_ids_name_and_a_log_of_another_pod_are_not_stored()
    {
        Put(1);
        string mirror = bench.Temp["mirror"];
        using var other = new TestPod();
        using CopyReader from = CopyReader.Open(bench.Folder, bench.Clock, CancellationToken.None);
        using CopyReader strange = CopyReader.Open(other.Folder, bench.Clock, CancellationToken.None);
        MirrorState state = from.Begin(), theirs = strange.Begin();
        using var to = new MirrorFolder(mirror, null, false, bench.Clock, CancellationToken.None);
        _ = to.Begin(state.Descriptor, MirrorWishes.None);
        CellId id = from.Ids()[0];
        from.ReadCells([id], (_, cell) =>
        {
            byte[] lie = cell.ToArray();
            lie[100] ^= 1;
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => to.Put(id, lie)).ExitCode);
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => to.Put(id, lie.AsSpan(1))).ExitCode);
            // The store itself would have taken it: it does not compute an id again.
            using PodVault naive = PodVault.OpenMirror(bench.Temp["naive"], VaultOf(state), bench.Clock);
            naive.Store.Append(id, lie);
            Assert.Equal(1, naive.Store.CellCount);
        });
        byte[] log = new byte[theirs.LogBytes];
        _ = strange.ReadLog(0, log);
        to.PutLog(0, log);
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => to.TakeHead(log.Length)).ExitCode);
        Assert.False(File.Exists(Path.Combine(mirror, "vault.json")));
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => to.PutLog(log.Length + 1L, log)).ExitCode);
    }

    private static Vault.Format.Store.VaultDescriptor VaultOf(MirrorState state) => Vault.Format.Store.VaultDescriptor.Parse(state.Descriptor.Span);

    private void Put(int seed)
    {
        byte[] bytes = new byte[100_000];
        var random = new Seeded((ulong)seed);
        for (int i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)random.Below(256);
        File.WriteAllBytes(Path.Combine(bench.Files, "disk.raw"), bytes);
        using Pod pod = bench.OpenUnlocked();
        _ = pod.Put("work", [bench.Files], "", null, CancellationToken.None);
    }

    // What a pod says while it brings a mirror up to date.
    private byte[] Record(string mirror)
    {
        using var link = new InMemoryLink(mirror, bench.Clock);
        using CopyReader from = CopyReader.Open(bench.Folder, bench.Clock, CancellationToken.None);
        using (MirrorClient client = link.Connect())
            _ = MirrorRun.Run(from, client, MirrorWishes.None, null, CancellationToken.None);
        return link.SaidByClient();
    }

    // What a mirror says while a pod is restored from it.
    private byte[] RecordReading(string mirror)
    {
        using var link = new InMemoryLink(mirror, bench.Clock);
        using (MirrorClient client = link.Connect())
        using (var to = new MirrorFolder(bench.Temp["first"], null, false, bench.Clock, CancellationToken.None))
            _ = MirrorRun.Run(client, to, MirrorWishes.None, null, CancellationToken.None);
        return link.SaidByServer();
    }

    private (ExitCode Code, ulong Head) Hear(string mirror, byte[] words)
    {
        string copy = ram["hears"];
        if (Directory.Exists(copy))
            Directory.Delete(copy, recursive: true);
        MirrorBench.Copy(mirror, copy);
        ExitCode code;
        try
        {
            using var server = new MirrorServer(new MemoryStream(words), Stream.Null, () => CopyReader.Open(copy, bench.Clock, CancellationToken.None),
                () => new MirrorFolder(copy, null, false, bench.Clock, CancellationToken.None));
            code = server.Run();
        }
        catch (VmPodException e)
        {
            code = e.ExitCode;
        }
        using (PodVault vault = PodVault.Open(copy, StoreAccess.Read, bench.Clock))
            Assert.True(vault.Verify(null, CancellationToken.None).IsComplete);
        return (code, HeadOf(copy));
    }

    private ulong HeadOf(string folder)
    {
        using PodVault vault = PodVault.Open(folder, StoreAccess.Read, bench.Clock);
        return vault.Store.Head.Seq;
    }

    // A bit, a byte, a cut, a piece twice, a piece away: where frames begin as often as within them.
    private static IEnumerable<byte[]> Mutated(byte[] said, int count)
    {
        var random = new Seeded(47);
        List<int> frames = [];
        for (int at = 0; at + 5 <= said.Length; at += 4 + (int)System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(said.AsSpan(at)))
            frames.Add(at);
        for (int i = 0; i < count; i++)
        {
            int at = i % 2 == 0 ? random.Below(said.Length) : Math.Min(said.Length - 1, frames[random.Below(frames.Count)] + random.Below(24));
            switch (i % 5)
            {
                case 0 or 1:
                    byte[] flipped = [.. said];
                    flipped[at] ^= (byte)(1 << random.Below(8));
                    yield return flipped;
                    break;
                case 2:
                    yield return said[..at];
                    break;
                case 3:
                    (int from, int to) = Frame();
                    yield return [.. said[..to], .. said[from..]];
                    break;
                default:
                    (from, to) = Frame();
                    yield return [.. said[..from], .. said[to..]];
                    break;
            }
        }

        (int From, int To) Frame()
        {
            int n = random.Below(frames.Count);
            return (frames[n], n + 1 < frames.Count ? frames[n + 1] : said.Length);
        }
    }
}
