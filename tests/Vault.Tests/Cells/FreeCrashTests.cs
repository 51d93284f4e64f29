using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format.Store;

namespace VmPod.Vault.Tests.Cells;

/// <summary>A power cut at every step of a freeing: no needed cell is lost, no freed one is taken for damage, and the next freeing goes through.</summary>
[Trait("Threat", "T-13")]
public class FreeCrashTests(ITestOutputHelper output)
{
    private const int Seed = 20261123, Cells = 12, KeptOfSegment = 200;

    [Fact]
    [Trait("Spec", "V-161")]
    [Trait("Spec", "V-163")]
    public void AfterAPowerCutAnywhereInAFreeingAllThatIsNeededIsThereAndSound()
    {
        var (states, violations) = Explore(Record(() => new PodFolder()), 48, () => new PodFolder(), _ => false);
        output.WriteLine($"{states} states, {violations.Count} violations");
        Assert.Empty(violations);
        Assert.True(states > 1000, $"{states} states");
    }

    // The model finds what it is for: without each of these syncs there are states in which a hole is taken for damage.
    [Theory]
    [InlineData("v1/freed.0")]
    [InlineData("v1")]
    [InlineData("v1/slots.bin")]
    public void WithoutASyncTheModelFindsTheHoleThatNobodyKnowsOf(string name)
    {
        var (_, violations) = Explore(Record(() => new PodFolder()), 48, () => new PodFolder(), operation =>
            operation.Kind is DiskOperationKind.Sync or DiskOperationKind.SyncFolder && operation.Name == name);
        output.WriteLine($"without the sync of {name}: {violations.Count} violations, first: {violations.FirstOrDefault()}");
        Assert.NotEmpty(violations);
    }

    [Fact]
    [Trait("Spec", "V-165")]
    public void AfterAPowerCutWhileASegmentIsStoredAnewNothingIsLostEither()
    {
        // ramfs: a file system without holes that every kernel has.
        using var disk = new Pods.RamDisk();
        int number = 0;
        PodFolder NewPod() => new(Path.Combine(disk.Path, $"pod-{number++}"));
        var (states, violations) = Explore(RecordSegment(NewPod), 4, NewPod, _ => false);
        output.WriteLine($"{states} states, {violations.Count} violations");
        Assert.Empty(violations);
        Assert.True(states > 40, $"{states} states");
    }

    // What happened up to an operation: the commits that were acknowledged, and the cells that are needed from then on.
    private sealed record Moment(DiskOperation Operation, ulong Acknowledged, int[] Needed);

    private sealed record Recording(CrashDisk Base, IReadOnlyList<Moment> Moments);

    private static Recording Record(Func<PodFolder> newPod)
    {
        using PodFolder pod = FreeTests.Fill(Cells, newPod());
        var start = CrashDisk.FromFolder(pod.Dir);
        var moments = new List<Moment>();
        ulong acknowledged = 2;
        int[] needed = [0, 3, 6, 9];
        using (var store = pod.Open(StoreAccess.Write, operation => moments.Add(new(operation, acknowledged, needed))))
        {
            _ = store.Free(FreeTests.Request(needed), default);
            acknowledged = store.Head.Seq;
            _ = PodFolder.Append(store, 20, 2);
            acknowledged = PodFolder.Commit(store, 4).Head.Seq;
            needed = [0, 6, 21];
            _ = store.Free(FreeTests.Request(needed), default);
            acknowledged = store.Head.Seq;
            _ = PodFolder.Append(store, 30, 1);
            acknowledged = PodFolder.Commit(store, 5).Head.Seq;
            needed = [.. needed, 30];
        }
        return new Recording(start, moments);
    }

    private static Recording RecordSegment(Func<PodFolder> newPod)
    {
        using PodFolder pod = FreeTests.Fill(StoreLimits.SegmentCells + 4, newPod());
        var start = CrashDisk.FromFolder(pod.Dir);
        var moments = new List<Moment>();
        int[] needed = [.. Enumerable.Range(0, KeptOfSegment).Select(n => 5 * n), StoreLimits.SegmentCells];
        using (var store = pod.Open(StoreAccess.Write, operation => moments.Add(new(operation, 2, needed))))
        {
            FreeReport done = store.Free(FreeTests.Request(needed), default);
            Assert.False(done.HasHoles);
            Assert.Equal((KeptOfSegment, 3L), (done.Moved, done.Left));
            Assert.False(File.Exists(pod.PathOf("v1/segments/000000.seg")));
        }
        // Each move is a write of its own; a few of them are enough.
        return new Recording(start, moments);
    }

    private static (int States, List<string> Violations) Explore(Recording recording, int variantsMax, Func<PodFolder> newPod,
        Func<DiskOperation, bool> isLeftOut)
    {
        var disk = recording.Base;
        var random = new Random(Seed);
        var violations = new List<string>();
        int states = 0, writes = 0;
        for (int cut = 0; cut <= recording.Moments.Count; cut++)
        {
            Moment moment = recording.Moments[Math.Min(cut, recording.Moments.Count - 1)];
            bool isLooked = cut == 0 || recording.Moments[cut - 1].Operation.Kind != DiskOperationKind.Write || recording.Moments.Count < 100
                || writes++ % 50 == 0;
            for (int variant = 0; isLooked && variant < Math.Min(variantsMax, 2 + disk.PendingCount * 16); variant++, states++)
            {
                using PodFolder pod = newPod();
                disk.Materialise(pod.Dir, Choice(random, variant));
                if (Violation(pod, moment) is { } violation)
                    violations.Add($"cut {cut}, variant {variant}: {violation}");
            }
            if (cut < recording.Moments.Count && !isLeftOut(recording.Moments[cut].Operation))
                disk.Apply(recording.Moments[cut].Operation);
        }
        return (states, violations);
    }

    private static string? Violation(PodFolder pod, Moment moment)
    {
        try
        {
            using (var store = pod.Open(StoreAccess.Read))
            {
                if (store.Head.Seq < moment.Acknowledged || store.Head.Seq > moment.Acknowledged + 1)
                    return $"head {store.Head.Seq} after {moment.Acknowledged}";
                if (Unsound(store, moment.Needed) is { } reader)
                    return "a reader: " + reader;
            }
            using (var store = pod.Open())
            {
                if (Unsound(store, moment.Needed) is { } writer)
                    return "a writer: " + writer;
                _ = store.Free(FreeTests.Request(moment.Needed), default);
                if (Unsound(store, moment.Needed) is { } freed)
                    return "freed again: " + freed;
                _ = PodFolder.Append(store, 5000, 2);
                _ = PodFolder.Commit(store, 42);
            }
            using var again = pod.Open();
            PodFolder.AssertReads(again, 5000, 2);
            return Unsound(again, moment.Needed);
        }
        catch (VmPodException e)
        {
            return e.Message;
        }
    }

    private static string? Unsound(CellStore store, int[] needed)
    {
        var report = store.Verify(needed.Select(PodFolder.Id), null, default);
        return report.IsSound ? null : $"head {store.Head.Seq}: {report.MissingCount} missing, {report.DamagedCount} damaged, {report.LogDamage}";
    }

    private static Func<bool> Choice(Random random, int variant)
    {
        double share = random.NextDouble();
        return variant switch
        {
            0 => () => false,
            1 => () => true,
            _ => () => random.NextDouble() < share,
        };
    }
}
