using VmPod.Foundation;
using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Cells;

[Trait("Threat", "T-13")]
public class CrashTests(ITestOutputHelper output)
{
    private const int Seed = 20261122;

    [Fact]
    [Trait("Spec", "V-60")]
    [Trait("Spec", "V-62")]
    [Trait("Spec", "V-64")]
    public void AfterAPowerCutAnywhereTheVaultHasTheOldHeadOrTheNewOne()
    {
        var (states, violations) = Explore(Record(), _ => false);
        output.WriteLine($"{states} states, {violations.Count} violations");
        Assert.Empty(violations);
        Assert.True(states > 1000, $"{states} states");
    }

    // The model finds what it is for: without each of these syncs there are states that lose a commit.
    [Theory]
    [InlineData("v1/log")]
    [InlineData("v1/slots.bin")]
    [InlineData("v1/segments/000000.seg")]
    [InlineData("v1/segments")]
    public void WithoutASyncTheModelFindsTheLoss(string name)
    {
        var (_, violations) = Explore(Record(), operation => operation.Kind is DiskOperationKind.Sync or DiskOperationKind.SyncFolder
            && operation.Name == name);
        output.WriteLine($"without the sync of {name}: {violations.Count} violations, first: {violations.FirstOrDefault()}");
        Assert.NotEmpty(violations);
    }

    [Fact]
    [Trait("Spec", "V-72")]
    public void AfterAPowerCutWhileAVaultIsMadeItIsThereOrCanBeMade()
    {
        var operations = new List<DiskOperation>();
        using (var pod = new PodFolder())
            pod.Create(operations.Add).Dispose();
        var random = new Random(Seed);
        var (there, absent) = (0, 0);
        for (int cut = 0; cut <= operations.Count; cut++)
        {
            var disk = new CrashDisk();
            foreach (var operation in operations.Take(cut))
                disk.Apply(operation);
            for (int variant = 0; variant < 8; variant++)
            {
                using var pod = new PodFolder();
                disk.Materialise(pod.Dir, Choice(random, variant));
                if (File.Exists(pod.PathOf("vault.json")))
                {
                    using var store = pod.Open();
                    Assert.Equal(1UL, store.Head.Seq);
                    there++;
                }
                else
                {
                    Assert.Equal(ExitCode.NotFound, Assert.Throws<VmPodException>(() => pod.Open()).ExitCode);
                    using var store = pod.Create();
                    Assert.Equal(1UL, store.Head.Seq);
                    absent++;
                }
            }
        }
        Assert.True(there >= 8 && absent > 50, $"{there} there, {absent} absent");
    }

    // What happened up to an operation: the commits that were acknowledged, and the cells that were flushed then.
    private sealed record Moment(DiskOperation Operation, ulong Acknowledged);

    private sealed record Recording(CrashDisk Base, IReadOnlyList<Moment> Moments, IReadOnlyDictionary<ulong, int[]> CellsOfHead);

    private static Recording Record()
    {
        using var pod = new PodFolder();
        using (var store = pod.Create())
        {
            _ = PodFolder.Commit(store, 1);
        }
        // No cells yet, so that the making of the first segment file is within the recording.
        var start = CrashDisk.FromFolder(pod.Dir);
        var moments = new List<Moment>();
        ulong acknowledged = 2;
        var cells = new Dictionary<ulong, int[]> { [2] = [] };
        using (var store = pod.Open(StoreAccess.Write, operation => moments.Add(new(operation, acknowledged))))
        {
            _ = PodFolder.Append(store, 10, 2);
            store.Flush();
            _ = PodFolder.Append(store, 12, 1);
            cells[3] = [10, 11, 12];
            acknowledged = PodFolder.Commit(store, new byte[700]).Head.Seq;
            _ = PodFolder.Append(store, 90, 2);
            store.DiscardUncommitted();
            _ = PodFolder.Append(store, 20, 1);
            cells[4] = [.. cells[3], 20];
            acknowledged = PodFolder.Commit(store, 4).Head.Seq;
            cells[5] = cells[4];
            acknowledged = PodFolder.Commit(store, 5).Head.Seq;
            _ = PodFolder.Append(store, 95, 1);
        }
        return new Recording(start, moments, cells);
    }

    private static (int States, List<string> Violations) Explore(Recording recording, Func<DiskOperation, bool> isLeftOut)
    {
        var disk = recording.Base;
        var random = new Random(Seed);
        var violations = new List<string>();
        int states = 0;
        for (int cut = 0; cut <= recording.Moments.Count; cut++)
        {
            // None, all, then random subsets; more where more is pending.
            for (int variant = 0; variant < Math.Min(64, 2 + disk.PendingCount * 16); variant++, states++)
            {
                ulong acknowledged = cut == 0 ? 2 : recording.Moments[Math.Min(cut, recording.Moments.Count - 1)].Acknowledged;
                using var pod = new PodFolder();
                disk.Materialise(pod.Dir, Choice(random, variant));
                if (Violation(pod, acknowledged, recording.CellsOfHead) is { } violation)
                    violations.Add($"cut {cut}, variant {variant}: {violation}");
            }
            if (cut < recording.Moments.Count && !isLeftOut(recording.Moments[cut].Operation))
                disk.Apply(recording.Moments[cut].Operation);
        }
        return (states, violations);
    }

    // Opened for reading first, as it lies there, then for writing, and used; both must agree.
    private static string? Violation(PodFolder pod, ulong acknowledged, IReadOnlyDictionary<ulong, int[]> cellsOfHead)
    {
        try
        {
            ulong seq;
            using (var store = pod.Open(StoreAccess.Read))
                seq = store.Head.Seq;
            if (seq < acknowledged || seq > acknowledged + 1)
                return $"head {seq} after {acknowledged} was acknowledged";
            using (var store = pod.Open())
            {
                if (store.Head.Seq != seq)
                    return $"head {seq} for a reader, {store.Head.Seq} for a writer";
                var report = store.Verify(cellsOfHead[seq].Select(PodFolder.Id), null, default);
                if (report.MissingCount > 0 || report.LogDamage is not null)
                    return $"head {seq}: {report.MissingCount} cells missing, {report.LogDamage}";
                _ = PodFolder.Append(store, 500, 2);
                _ = PodFolder.Commit(store, 42);
            }
            using var again = pod.Open();
            PodFolder.AssertReads(again, 500, 2);
            return again.Head.Seq == seq + 1 ? null : "a commit after recovery is lost";
        }
        catch (VmPodException e)
        {
            return e.Message;
        }
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
