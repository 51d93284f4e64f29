using System.Globalization;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Tests.Pods;

namespace VmPod.Vault.Tests.Crash;

/// <summary>
/// What the test executable does under strace: a put, a live tip and a commit; or a put, forget, gc, clean and squash; and says on standard output what was
/// acknowledged. One call of it fails, or kills it.
/// </summary>
internal static class FaultWork
{
    internal const string Writing = "work", House = "house", Tip = "tip", LimitVariable = "VMPOD_TEST_FILE_LIMIT";
    internal const int Done = 0, Refused = 51, AcknowledgedAfterPoison = 52, Broken = 53;
    internal const int HouseChunks = 32;
    private const int Chunks = 6;

    private static readonly string[] WritingSteps = ["put", "tip", "commit"], HouseSteps = ["put", "forget", "gc", "clean", "squash"];

    /// <summary>The lines that it says, in order: what is acknowledged by then.</summary>
    internal static string[] Acknowledgements(string mode) => mode == Writing ? WritingSteps : HouseSteps;

    internal static int Run(string root, string mode)
    {
        try
        {
            using PodVault vault = TestPod.Unlock(Path.Combine(root, "pod"));
            try
            {
                if (Environment.GetEnvironmentVariable(LimitVariable) is { } limit)
                    Interop.LimitFiles(ulong.Parse(limit, CultureInfo.InvariantCulture));
                if (mode == Writing)
                    Work(vault, root);
                else
                {
                    TestPod.Put(vault, Path.Combine(root, "source"));
                    Console.Out.WriteLine(HouseSteps[0]);
                    foreach (string step in KeepHouse(vault))
                        Console.Out.WriteLine(step);
                }
            }
            catch (VmPodException e)
            {
                Console.Out.WriteLine($"failed {(int)e.ExitCode} {(e is StorePoisonedException ? "poisoned" : "")}");
                if (!TryAgain(vault, root, e))
                    return AcknowledgedAfterPoison;
                return Refused;
            }
            return Done;
        }
        catch (VmPodException e)
        {
            Console.Out.WriteLine($"failed {(int)e.ExitCode}");
            return Refused;
        }
        catch (Exception e)
        {
            // No call of the vault may end so: the caller is shown where it did.
            Console.Out.WriteLine(e.ToString().ReplaceLineEndings(" "));
            return Broken;
        }
    }

    /// <summary>The bytes of a chunk of the tip at its n-th commit.</summary>
    internal static byte[] TipChunk(int commit, int chunk) => Data.Random(commit * 100 + chunk, FormatLimits.ChunkBytes);

    /// <summary>A disk after so many changes, each of all pages but some: each leaves a little of what was there before in every cell.</summary>
    internal static byte[] HouseDisk(int changes)
    {
        byte[] disk = Data.Random(1, HouseChunks * FormatLimits.ChunkBytes);
        for (int change = 1; change <= changes; change++)
        {
            for (int page = 0; page < disk.Length / FormatLimits.PageBytes; page++)
            {
                if (page % 11 >= change)
                    Data.Random(change * 10_000 + page, FormatLimits.PageBytes).CopyTo(disk, page * FormatLimits.PageBytes);
            }
        }
        return disk;
    }

    /// <summary>Forgets all but the newest generation, frees, cleans and squashes; says what is done.</summary>
    internal static IEnumerable<string> KeepHouse(PodVault vault)
    {
        ulong[] old = [.. vault.ListGenerations(vault.FindSession(TestPod.Session).Handle).Select(g => g.Record.Generation).SkipLast(1)];
        vault.Forget(vault.PlanForget(TestPod.Session, old, []));
        yield return HouseSteps[1];
        _ = vault.CollectGarbage(isDryRun: false, null, default);
        yield return HouseSteps[2];
        if (vault.Clean(TestPod.Session, TestPod.Host, long.MaxValue, isDryRun: false, null, default) is not null)
        {
            _ = vault.CollectGarbage(isDryRun: false, null, default);
            yield return HouseSteps[3];
        }
        _ = vault.Squash(TestPod.Session, TestPod.Host, null, default);
        _ = vault.CollectGarbage(isDryRun: false, null, default);
        yield return HouseSteps[4];
    }

    private static void Work(PodVault vault, string root)
    {
        TestPod.Put(vault, Path.Combine(root, "source"));
        Console.Out.WriteLine(WritingSteps[0]);
        using SessionLease lease = vault.BeginLease(Tip, create: true, TestPod.Host);
        var disk = new StreamInfo(1, StreamKind.Disk, "disk", Chunks * (long)FormatLimits.ChunkBytes, 0, 0);
        for (int commit = 1; commit <= 2; commit++)
        {
            for (int chunk = 0; chunk < Chunks; chunk++)
            {
                byte[] bytes = TipChunk(commit, chunk);
                lease.Put(new ChunkKey(1, (ulong)chunk), Codec.Raw, bytes.Length, bytes, lease.TagOf(bytes));
            }
            lease.SealBatch();
            lease.Commit(commit == 1 ? GenerationKind.Draft : GenerationKind.Checkpoint, "fault", [disk], close: commit == 2);
            Console.Out.WriteLine(WritingSteps[commit]);
        }
    }

    // A store that is poisoned acknowledges nothing more, and one that only lacked space goes on: the fault comes once.
    private static bool TryAgain(PodVault vault, string root, VmPodException failure)
    {
        bool mustFail = failure is StorePoisonedException;
        try
        {
            TestPod.Put(vault, Path.Combine(root, "source"), "again");
            Console.Out.WriteLine("again");
            return !mustFail;
        }
        catch (VmPodException e)
        {
            Console.Out.WriteLine($"again failed {((int)e.ExitCode).ToString(CultureInfo.InvariantCulture)}");
            return true;
        }
    }
}
