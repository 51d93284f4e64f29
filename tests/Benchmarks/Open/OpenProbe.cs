using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Benchmarks.Open;

/// <summary>A process of its own that opens a <see cref="SparsePod"/>: the memory of who made it must not count.</summary>
internal static class OpenProbe
{
    /// <summary>Random chunks that are read.</summary>
    public const int Reads = 100;

    private const string Verb = "open-probe";

    /// <summary>The hidden command that is the process.</summary>
    public static System.CommandLine.Command Command()
    {
        var folder = new Argument<string>("FOLDER");
        var diskBytes = new Argument<long>("BYTES");
        var chunks = new Argument<int>("CHUNKS");
        var writes = new Argument<bool>("LEASE");
        var command = new System.CommandLine.Command(Verb, "One process of `bench open`.") { folder, diskBytes, chunks, writes };
        command.Hidden = true;
        command.SetAction(result =>
        {
            var pod = new SparsePod(result.GetRequiredValue(folder), result.GetRequiredValue(diskBytes), result.GetRequiredValue(chunks));
            Console.Out.WriteLine(Measure(pod, result.GetRequiredValue(writes)).ToLine());
        });
        return command;
    }

    /// <summary>Runs that process.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="underLease">Begins a lease, as who wants to write, in place of opening for reading.</param>
    public static OpenTimes Run(SparsePod pod, bool underLease) => OpenTimes.Of(Peers.Command.Run(Environment.ProcessPath!,
    [
        Verb, pod.Folder, pod.DiskBytes.ToString(CultureInfo.InvariantCulture), pod.Chunks.ToString(CultureInfo.InvariantCulture),
        underLease ? "true" : "false",
    ]));

    private static OpenTimes Measure(SparsePod pod, bool underLease)
    {
        double before = PeakMemory.ReadMiB();
        using SecretBuffer passphrase = SparsePod.Passphrase();
        var watch = Stopwatch.StartNew();
        using PodVault vault = PodVault.Open(pod.Folder, underLease ? StoreAccess.Write : StoreAccess.Read, TimeProvider.System);
        double vaultMs = Lap(watch);
        if (!vault.TryUnlock(passphrase))
            throw new InvalidOperationException("The benchmark's own passphrase is wrong.");
        double unlockMs = Lap(watch);
        using SessionLease? lease = underLease ? vault.BeginLease(SparsePod.Session, create: false, host: 1) : null;
        SessionReader reader = lease?.Reader ?? vault.OpenSession(SparsePod.Session);
        double generationMs = Lap(watch);
        ReadRandom(pod, reader);
        double readsMs = Lap(watch);
        lease?.Close();
        if (lease is null)
            reader.Dispose();
        return new OpenTimes(unlockMs, vaultMs, generationMs, readsMs, before, PeakMemory.ReadMiB());
    }

    private static void ReadRandom(SparsePod pod, SessionReader reader)
    {
        StreamInfo disk = reader.Stream("disk");
        var random = new SplitMix(17);
        byte[] chunk = new byte[FormatLimits.ChunkBytes];
        for (int i = 0; i < Reads; i++)
        {
            if (!reader.ReadChunk(disk, pod.ChunkNumber(random.Below(pod.Chunks)), chunk))
                throw new InvalidOperationException("A chunk that was written is zero.");
        }
    }

    private static double Lap(Stopwatch watch)
    {
        double ms = watch.Elapsed.TotalMilliseconds;
        watch.Restart();
        return ms;
    }
}
