using System.Diagnostics;
using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>A pod that is a plugged-in disk, and two hosts that are two working folders of this machine.</summary>
internal sealed class FolderStage(bool keep) : Stage(keep)
{
    // Sparse: what the pod really takes is in the table.
    private const long PodBytes = 6L << 30;

    /// <summary>The pod.</summary>
    public PodDisk Pod { get; private set; } = null!;

    /// <summary>The first host: this machine.</summary>
    public TestHost Home { get; private set; } = null!;

    /// <summary>The second: another working folder, another network namespace.</summary>
    public TestHost Away { get; private set; } = null!;

    /// <summary>The second host's network namespace.</summary>
    public string AwayNamespace { get; private set; } = "";

    /// <inheritdoc/>
    public override IReadOnlyList<string> OwnPlaces => [];

    /// <inheritdoc/>
    public override IReadOnlyList<string> PodFiles => [Pod.Image];

    /// <inheritdoc/>
    public override IReadOnlyList<string> NotSearched => [];

    /// <summary>Sets up what needs no guest.</summary>
    public async Task SetUpAsync(CancellationToken cancel)
    {
        await DrawPassphraseAsync(cancel);
        Pod = await PodDisk.CreateAsync(OnDisk.FullPath, PodBytes);
        Undo(Pod.DisposeAsync);
        NetNamespace network = await NetNamespace.CreateAsync(cancel);
        Undo(network.DisposeAsync);
        AwayNamespace = network.Name;
        Home = new TestHost(InRam["home"], Pod.Folder);
        Away = new TestHost(InRam["away"], Pod.Folder, null, network.Wrapper);
        Undo(async () => await Home.EndAllAsync());
        Undo(async () => await Away.EndAllAsync());
    }

    /// <summary>Runs podkeeper with the passphrase's file. Its JSON.</summary>
    public async Task<JsonElement> PodKeeperAsync(CancellationToken cancel, params string[] arguments) =>
        (await CliRunner.PodKeeper.RunAsync([.. arguments, "--pin-file", PinFile, "--json"], cancellation: cancel)).MustSucceed().Json;

    /// <summary>Unlocks the pod by a key agent, which ends with the demo.</summary>
    public async Task<int?> UnlockAsync(CancellationToken cancel)
    {
        JsonElement unlocked = await PodKeeperAsync(cancel, "unlock", Pod.Folder);
        if (!unlocked.TryGetProperty("agent_pid", out JsonElement pid) || pid.ValueKind != JsonValueKind.Number)
            return null;
        int agent = pid.GetInt32();
        Undo(async () =>
        {
            if (ProcessSnapshot.NameOf(agent) == "podkeeper")
                Process.GetProcessById(agent).Kill();
            await TestSession.WaitUntilGoneAsync([agent], TimeSpan.FromSeconds(10));
        });
        return agent;
    }
}
