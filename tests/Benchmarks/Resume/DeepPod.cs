using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using VmPod.Benchmarks.Data;
using VmPod.Foundation;
using VmPod.PodKeeper;
using VmPod.Secrets;
using VmPod.Testing;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.Benchmarks.Resume;

/// <summary>A pod whose session has a large disk and a long past: the test guest's disk stands at the front of 64 GiB, and behind it what D8
/// asks for.</summary>
/// <remarks>The chunks are distinct, and mostly zero: what a resume must not depend on is their number, and 30 GiB would not fit everywhere. The key agent
/// keeps the pod unlocked until this is disposed.</remarks>
internal sealed class DeepPod : IDisposable
{
    /// <summary>The session.</summary>
    public const string Session = "deep";

    // Chunks are written behind this, so that the guest's own disk stays as it is.
    private const long FirstFreeByte = 4L << 30;

    // Random bytes at the start of each chunk. Eight chunks share a page's worth of cell.
    private const int RandomBytes = 512;

    // One commit in so many is a generation that is listed; the others are tips, as a machine that runs for long makes them.
    private const int ListedEvery = 10;

    private const int MemoryMiB = 512;

    private readonly TempFolder folder = new(), inRam = new(inRam: true);
    private readonly TextWriter log;
    private int? agent;

    private DeepPod(DeepPodSize size, TextWriter log)
    {
        Size = size;
        this.log = log;
        Host = new TestHost(inRam["run"], Folder);
    }

    /// <summary>How large it is.</summary>
    public DeepPodSize Size { get; }

    /// <summary>The pod's folder, on a disk.</summary>
    public string Folder => folder["pod"];

    /// <summary>A host for it.</summary>
    public TestHost Host { get; }

    /// <summary>The session's disk has so many chunks that are not zero.</summary>
    public long MappedChunks { get; private set; }

    /// <summary>Bytes of the pod.</summary>
    public long StoredBytes => DataFile.StoredBytes(Folder);

    // Ten thousand commits are as many times five fsyncs: in RAM they cost nothing.
    private string InRam => inRam["pod"];

    private string PinFile => inRam["pin"];

    /// <summary>Makes it: takes in the guest's disk, writes chunks and commits through the vault, then boots the guest and suspends it.</summary>
    public static async Task<DeepPod> CreateAsync(DeepPodSize size, TextWriter log)
    {
        var pod = new DeepPod(size, log);
        try
        {
            await pod.AdoptAsync();
            await MoveAsync(pod.Folder, pod.InRam);
            pod.WriteThePast();
            await MoveAsync(pod.InRam, pod.Folder);
            await pod.SuspendOnceAsync();
            return pod;
        }
        catch
        {
            pod.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (agent is { } pid && ProcessSnapshot.NameOf(pid) == "podkeeper")
            Process.GetProcessById(pid).Kill();
        folder.Dispose();
        inRam.Dispose();
    }

    private async Task AdoptAsync()
    {
        var ownerOnly = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        await using (FileStream pin = new(PinFile, ownerOnly))
            await pin.WriteAsync("lantern-quarry-93-orbit-velvet"u8.ToArray());
        GuestImage guest = await GuestImage.GetAsync();
        string disk = folder["disk.raw"];
        await guest.CopyDiskAsync(disk);
        using (var file = File.OpenHandle(disk, FileMode.Open, FileAccess.Write))
            RandomAccess.SetLength(file, Size.DiskBytes);
        _ = await PodKeeperAsync("init", Folder, "--argon-memory", "8", "--pin-file", PinFile);
        (await Host.TryWithPodAsync(["adopt", Session, "--qemu", disk, "--memory", $"{MemoryMiB}", "--cpus", "2", "--test-agent", "--pin-file", PinFile]))
            .MustSucceed();
        File.Delete(disk);
    }

    private static async Task MoveAsync(string from, string to)
    {
        (await new CliRunner("/bin/cp").RunAsync(["-r", "--preserve=mode", "--sparse=always", from, to])).MustSucceed();
        Directory.Delete(from, recursive: true);
    }

    private void WriteThePast()
    {
        var watch = Stopwatch.StartNew();
        using Pod pod = Pod.Open(InRam, StoreAccess.Write, TimeProvider.System);
        using SecretBuffer passphrase = SecretInput.ReadFile(PinFile);
        if (!pod.TryUnlock(passphrase))
            throw new VmPodException(ExitCode.Bug, "The benchmark's own passphrase is wrong.");
        SessionLease lease = pod.BeginLease(Session, LeasePurpose.Boot, tip: true);
        using (var image = new SessionImage(lease, new SessionImageOptions { OverlayBytes = 512L << 20 }))
        {
            StreamInfo disk = image.Streams.Single(s => s.Kind == StreamKind.Disk);
            var random = new SplitMix(8);
            byte[] bytes = new byte[RandomBytes];
            void Write(int chunk, int at)
            {
                random.Fill(bytes);
                image.Write(disk.Number, OffsetOf(chunk) + at, bytes);
            }

            for (int chunk = 0; chunk < Size.MappedChunks; chunk++)
                Write(chunk, 0);
            _ = image.Commit(GenerationKind.DiskOnly, "chunks");
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Size.MappedChunks} chunks written in {watch.Elapsed.TotalSeconds:0.0} s"));
            watch.Restart();
            for (int commit = 1; commit <= Size.Commits; commit++)
            {
                Write(random.Below(Size.MappedChunks), FormatLimits.PageBytes * random.Below(FormatLimits.ChunkBytes / FormatLimits.PageBytes));
                _ = image.Commit(commit % ListedEvery == 0 ? GenerationKind.DiskOnly : GenerationKind.Draft, "past");
            }
            MappedChunks = lease.Reader!.Chunks(disk).LongCount();
            log.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Size.Commits} commits in {watch.Elapsed.TotalSeconds:0.0} s"));
        }
        pod.EndLease(lease);
    }

    // Spread evenly, with gaps: the map is no single run.
    private long OffsetOf(int chunk)
    {
        long room = (Size.DiskBytes - FirstFreeByte) / FormatLimits.ChunkBytes;
        return FirstFreeByte + (long)((Int128)chunk * room / Size.MappedChunks) * FormatLimits.ChunkBytes;
    }

    private async Task SuspendOnceAsync()
    {
        log.WriteLine("booting the guest and suspending it");
        // Not before: the key agent forgets a pod whose folder goes away.
        agent = (await PodKeeperAsync("unlock", Folder, "--pin-file", PinFile)).GetProperty("agent_pid").GetInt32();
        await using TestSession session = await Host.StartAsync("boot", Session, []);
        await session.Agent.WaitUntilBootedAsync();
        IReadOnlyList<int> processes = session.Processes;
        _ = await session.EndAsync();
        await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(30));
    }

    private static async Task<JsonElement> PodKeeperAsync(params IReadOnlyList<string> arguments) =>
        (await CliRunner.PodKeeper.RunAsync([.. arguments, "--json"])).MustSucceed().Json;
}
