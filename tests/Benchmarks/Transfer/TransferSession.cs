using System.Diagnostics;
using System.Text.Json;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Peers;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>
/// What is moved: a real session, and the same session after some light work. A pod with the first is kept to be copied; the peers get both as files, as
/// `podkeeper get` writes them.
/// </summary>
internal sealed class TransferSession : IDisposable
{
    /// <summary>The session's name.</summary>
    public const string Session = "bench";

    private const int MemoryMiB = 512;

    private readonly TempFolder folder = new(), inRam = new(inRam: true);
    private int? agent;

    private TransferSession()
    {
    }

    /// <summary>A pod that has the first generation.</summary>
    public string Pod => folder["first-pod"];

    /// <summary>File of its passphrase.</summary>
    public string PinFile => inRam["pin"];

    /// <summary>The disk before it was ever booted, sparse.</summary>
    public string FreshDisk { get; private set; } = "";

    /// <summary>Bytes of that disk that are not holes.</summary>
    public long FreshDiskBytes { get; private set; }

    /// <summary>Folder of the first generation's files: disk, memory, device state.</summary>
    public string First => folder["first"];

    /// <summary>The same after light work.</summary>
    public string Next => folder["next"];

    /// <summary>Bytes of the first generation's files as one sees them, without holes, and compressed (zstd -3).</summary>
    public (long Apparent, long Stored, long Compressed) FirstBytes { get; private set; }

    /// <summary>Makes it: about two minutes.</summary>
    public static async Task<TransferSession> CreateAsync(TextWriter log)
    {
        var session = new TransferSession();
        try
        {
            await session.MakeAsync(log);
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>What is done in the guest between a resume and a suspend: some pages of a file, some rows of a database, flushed.</summary>
    public static Task WorkLightlyAsync(GuestAgent agent) => GuestWork.DoFlushedAsync(agent, mebibytes: 1, rows: 100);

    /// <inheritdoc/>
    public void Dispose()
    {
        EndAgent();
        folder.Dispose();
        inRam.Dispose();
    }

    private async Task MakeAsync(TextWriter log)
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
        FreshDisk = guest.DiskPath;
        FreshDiskBytes = DataFile.StoredBytes(guest.Folder);
        string pod = folder["pod"];
        _ = await PodKeeperAsync("init", pod, "--argon-memory", "8", "--pin-file", PinFile);
        agent = (await PodKeeperAsync("unlock", pod, "--pin-file", PinFile)).GetProperty("agent_pid").GetInt32();
        var host = new TestHost(inRam["run"], pod);
        (await host.TryWithPodAsync(["adopt", Session, "--qemu", FreshDisk, "--memory", $"{MemoryMiB}", "--cpus", "2", "--test-agent"])).MustSucceed();
        log.WriteLine("booting the guest, working in it, suspending it");
        await using (TestSession booted = await host.StartAsync("boot", Session, []))
        {
            await booted.Agent.WaitUntilBootedAsync();
            _ = await GuestWork.DoAsync(booted.Agent);
            await EndAsync(booted, "suspend");
        }
        Command.Run("cp", ["-r", "--preserve=mode", "--sparse=always", pod, Pod]);
        _ = await PodKeeperAsync("get", pod, Session, First, "--pin-file", PinFile);
        await using (TestSession resumed = await host.StartAsync("resume", Session, []))
        {
            await WorkLightlyAsync(resumed.Agent);
            await EndAsync(resumed, "suspend");
        }
        _ = await PodKeeperAsync("get", pod, Session, Next, "--pin-file", PinFile);
        EndAgent();
        Directory.Delete(pod, recursive: true);
        FileInfo[] files = new DirectoryInfo(First).GetFiles();
        FirstBytes = (files.Sum(f => f.Length), DataFile.StoredBytes(First), files.Sum(f => Compressed(f.FullName)));
    }

    /// <summary>Ends a visit, and waits until nothing of it runs. The result of the command.</summary>
    public static async Task<JsonElement> EndAsync(TestSession session, string verb)
    {
        IReadOnlyList<int> processes = session.Processes;
        JsonElement result = await session.EndAsync(verb);
        await TestSession.WaitUntilGoneAsync(processes, TimeSpan.FromSeconds(30));
        return result;
    }

    private static long Compressed(string file) => long.Parse(Command.Run("sh", ["-c", "zstd -3 -q -c -- \"$0\" | wc -c", file]),
        System.Globalization.CultureInfo.InvariantCulture);

    private void EndAgent()
    {
        if (agent is { } pid && ProcessSnapshot.NameOf(pid) == "podkeeper")
        {
            Process process = Process.GetProcessById(pid);
            process.Kill();
            process.WaitForExit();
        }
        agent = null;
    }

    private static async Task<JsonElement> PodKeeperAsync(params IReadOnlyList<string> arguments) =>
        (await CliRunner.PodKeeper.RunAsync([.. arguments, "--json"])).MustSucceed().Json;
}
