using System.Globalization;
using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using VmPod.Vault.Tests.Pods;

namespace VmPod.Vault.Tests.Crash;

/// <summary>
/// What the test executable does under strace: a put, a live tip and a commit, and says on standard output what was acknowledged. One call of it fails, or
/// kills it.
/// </summary>
internal static class FaultWork
{
    internal const string Tip = "tip";
    internal const int Done = 0, Refused = 51, AcknowledgedAfterPoison = 52;
    private const int Chunks = 6;

    /// <summary>The lines that it says, in order: what is acknowledged by then.</summary>
    internal static readonly string[] Acknowledgements = ["put", "tip", "commit"];

    internal static int Run(string root)
    {
        try
        {
            using PodVault vault = TestPod.Unlock(Path.Combine(root, "pod"));
            try
            {
                Work(vault, root);
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
    }

    /// <summary>The bytes of a chunk of the tip at its n-th commit.</summary>
    internal static byte[] TipChunk(int commit, int chunk) => Data.Random(commit * 100 + chunk, FormatLimits.ChunkBytes);

    private static void Work(PodVault vault, string root)
    {
        TestPod.Put(vault, Path.Combine(root, "source"));
        Console.Out.WriteLine(Acknowledgements[0]);
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
            Console.Out.WriteLine(Acknowledgements[commit]);
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
