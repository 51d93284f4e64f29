using System.Diagnostics;
using System.Security.Cryptography;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>Everything that the demo sets up on this machine, and takes down again whatever happens: folders, mounts, namespace, processes.</summary>
internal sealed class Stage(bool keep) : IAsyncDisposable
{
    // Sparse: what the pod really takes is in the table.
    private const long PodBytes = 6L << 30;
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly Stack<Func<ValueTask>> undo = new();
    private readonly TempFolder onDisk = new(), inRam = new(inRam: true);

    /// <summary>A folder on the disk: the pod's image, copies.</summary>
    public TempFolder OnDisk => onDisk;

    /// <summary>A folder in RAM: the passphrase and the run folders.</summary>
    public TempFolder InRam => inRam;

    /// <summary>The passphrase's file.</summary>
    public string PinFile => inRam["pin"];

    /// <summary>The pod.</summary>
    public PodDisk Pod { get; private set; } = null!;

    /// <summary>The first host: this machine.</summary>
    public TestHost Home { get; private set; } = null!;

    /// <summary>The second: another working folder, another network namespace.</summary>
    public TestHost Away { get; private set; } = null!;

    /// <summary>The second host's network namespace.</summary>
    public string AwayNamespace { get; private set; } = "";

    /// <summary>A line of progress.</summary>
    public void Say(string what) => Console.Error.WriteLine($"[{watch.Elapsed.TotalSeconds,5:0.0} s] {what}");

    /// <summary>Sets up what needs no guest.</summary>
    public async Task SetUpAsync(CancellationToken cancel)
    {
        await using (FileStream pin = new(PinFile, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
            await pin.WriteAsync(System.Text.Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(40)), cancel);
        Pod = await PodDisk.CreateAsync(onDisk.FullPath, PodBytes);
        undo.Push(Pod.DisposeAsync);
        NetNamespace network = await NetNamespace.CreateAsync(cancel);
        undo.Push(network.DisposeAsync);
        AwayNamespace = network.Name;
        Home = new TestHost(inRam["home"], Pod.Folder);
        Away = new TestHost(inRam["away"], Pod.Folder, null, network.Wrapper);
        undo.Push(async () => await Home.EndAllAsync());
        undo.Push(async () => await Away.EndAllAsync());
    }

    /// <summary>Runs podkeeper with the passphrase's file. Its JSON.</summary>
    public async Task<System.Text.Json.JsonElement> PodKeeperAsync(CancellationToken cancel, params string[] arguments) =>
        (await CliRunner.PodKeeper.RunAsync([.. arguments, "--pin-file", PinFile, "--json"], cancellation: cancel)).MustSucceed().Json;

    /// <summary>Unlocks the pod by a key agent, which ends with the demo.</summary>
    public async Task<int?> UnlockAsync(CancellationToken cancel)
    {
        System.Text.Json.JsonElement unlocked = await PodKeeperAsync(cancel, "unlock", Pod.Folder);
        if (!unlocked.TryGetProperty("agent_pid", out System.Text.Json.JsonElement pid) || pid.ValueKind != System.Text.Json.JsonValueKind.Number)
            return null;
        int agent = pid.GetInt32();
        undo.Push(async () =>
        {
            if (ProcessSnapshot.NameOf(agent) == "podkeeper")
                Process.GetProcessById(agent).Kill();
            await TestSession.WaitUntilGoneAsync([agent], TimeSpan.FromSeconds(10));
        });
        return agent;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        while (undo.TryPop(out Func<ValueTask>? step))
        {
            try
            {
                await step();
            }
            catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException)
            {
                // The rest is cleaned up all the same.
                Console.Error.WriteLine($"demo: not cleaned up: {e.Message}");
            }
        }
        inRam.Dispose();
        if (keep)
            Console.Error.WriteLine($"demo: the pod's image is in {onDisk}; its passphrase is gone with the demo, so it can only be looked at from outside");
        else
            onDisk.Dispose();
    }
}
