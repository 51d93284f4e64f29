using System.Diagnostics;
using System.Text.Json;
using VmPod.Testing;
using Xunit;

namespace VmPod.EndToEnd;

/// <summary>A pod with one session, adopted, booted, worked in and suspended once; each test gets a copy of its own.</summary>
public sealed class BasePod : IAsyncLifetime
{
    /// <summary>The session's name.</summary>
    public const string Session = "base";

    /// <summary>The passphrase of all these pods.</summary>
    public static readonly byte[] Passphrase = "orbit-velvet-lantern-93-quarry"u8.ToArray();

    private readonly TempFolder folder = new(), inRam = new(inRam: true);
    private int? agentPid;

    /// <summary>The pod's folder. Tests copy it and leave it alone.</summary>
    public string Folder => folder["pod"];

    /// <summary>File of the passphrase, in RAM.</summary>
    public string PinFile => inRam["pin"];

    /// <summary>The witness before the suspend.</summary>
    public Witness Witness { get; private set; } = null!;

    /// <summary>When that was.</summary>
    public long WitnessTaken { get; private set; }

    /// <summary>What <see cref="GuestWork.LookAsync"/> must say.</summary>
    public string Work { get; private set; } = "";

    /// <summary>Canaries in the guest's memory and on its disk.</summary>
    public Canaries Canaries { get; } = new();

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        var ownerOnly = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        await using (FileStream pin = new(PinFile, ownerOnly))
            await pin.WriteAsync(Passphrase);
        GuestImage guest = await GuestImage.GetAsync();
        _ = await PodKeeperAsync("init", Folder, "--argon-memory", "8", "--pin-file", PinFile);
        // One agent serves all copies: they are one vault.
        await UnlockAsync();
        var host = new TestHost(inRam["base"], Folder);
        (await host.TryWithPodAsync(["adopt", Session, "--qemu", guest.DiskPath, "--memory", "512", "--cpus", "2", "--test-agent"])).MustSucceed();
        await using TestSession session = await host.StartAsync("boot", Session, []);
        await session.Agent.WaitUntilBootedAsync();
        Work = await GuestWork.DoAsync(session.Agent);
        await session.Agent.PlantAsync(Canaries);
        Witness = await Witness.TakeAsync(session.Agent);
        WitnessTaken = Stopwatch.GetTimestamp();
        IReadOnlyList<int> processes = session.Processes;
        await session.EndAsync();
        await TestSession.WaitUntilGoneAsync(processes, TestSession.GoneLimit);
    }

    /// <summary>A copy of the pod, and a host for it.</summary>
    public async Task<PodCopy> CopyAsync() => await PodCopy.MakeAsync(this);

    /// <summary>Judges a guest that was resumed from the base pod.</summary>
    public async Task<WitnessVerdict> JudgeAsync(GuestAgent agent) =>
        Witness.Judge(Witness, await Witness.TakeAsync(agent), Stopwatch.GetElapsedTime(WitnessTaken));

    /// <summary>Starts the key agent: the pod and its copies are unlocked.</summary>
    public async Task UnlockAsync() =>
        agentPid = (await PodKeeperAsync("unlock", Folder, "--pin-file", PinFile)).GetProperty("agent_pid").GetInt32();

    /// <summary>kill -9 of the key agent: the pod and its copies are locked.</summary>
    public void KillAgent()
    {
        if (agentPid is not { } pid || ProcessSnapshot.NameOf(pid) != "podkeeper")
            throw new InvalidOperationException("The key agent does not run.");
        Process agent = Process.GetProcessById(pid);
        agent.Kill();
        agent.WaitForExit();
        agentPid = null;
    }

    /// <summary>Runs podkeeper; it must succeed. Its JSON.</summary>
    public static async Task<JsonElement> PodKeeperAsync(params IReadOnlyList<string> arguments) =>
        (await CliRunner.PodKeeper.RunAsync([.. arguments, "--json"])).MustSucceed().Json;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (agentPid is not null)
            KillAgent();
        await Task.Yield();
        folder.Dispose();
        inRam.Dispose();
    }
}
