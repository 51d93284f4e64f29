using System.Globalization;
using System.Text;
using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>A pod and two hosts, each a network namespace with its own address and folders, and tcpdump in the air between them.</summary>
internal sealed class AirStage(bool keep) : Stage(keep)
{
    /// <summary>Where podkeeper serves.</summary>
    public const int Port = 7413;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private CliProcess? server;

    /// <summary>The namespaces.</summary>
    public NetAir Air { get; private set; } = null!;

    /// <summary>The pod's folder, on the pod.</summary>
    public string PodFolder => OnDisk["pod"];

    /// <summary>All that hosts know of the pod before they are paired.</summary>
    public string PodAddress { get; } = string.Create(CultureInfo.InvariantCulture, $"{NetAir.PodAddress}:{Port}");

    /// <summary>The first host, the owner's own.</summary>
    public TestHost Home { get; private set; } = null!;

    /// <summary>The second one, a foreign one.</summary>
    public TestHost Away { get; private set; } = null!;

    /// <summary>What is said in the air.</summary>
    public PacketCapture Capture { get; private set; } = null!;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OwnPlaces =>
        [Home.RunFolder, Home.StateFolder, Away.RunFolder, Away.StateFolder, Path.Join(Away.StateFolder, "residues")];

    /// <inheritdoc/>
    public override IReadOnlyList<string> PodFiles => Directory.GetFiles(PodFolder, "*", SearchOption.AllDirectories);

    /// <inheritdoc/>
    public override IReadOnlyList<string> NotSearched => [Capture.File];

    /// <summary>Sets up the machines, and begins to listen.</summary>
    public async Task SetUpAsync(CancellationToken cancel)
    {
        await DrawPassphraseAsync(cancel);
        Air = await NetAir.CreateAsync(hosts: 2, cancel);
        Undo(Air.DisposeAsync);
        Capture = await PacketCapture.StartAsync(Air.Air, NetAir.Bridge, OnDisk["wire.pcap"], cancel);
        Undo(Capture.DisposeAsync);
        Undo(async () =>
        {
            if (server is not null)
                await server.DisposeAsync();
        });
        Home = new TestHost(OnDisk["a"], PodAddress, null, Air.Hosts[0].Wrapper);
        Away = new TestHost(OnDisk["b"], PodAddress, null, Air.Hosts[1].Wrapper);
        Undo(async () => await Home.EndAllAsync());
        Undo(async () => await Away.EndAllAsync());
    }

    /// <summary>Makes the pod, and serves it unlocked. The passphrase is read there, and goes nowhere else.</summary>
    public async Task ServeAsync(CancellationToken cancel)
    {
        _ = await OnPodAsync(cancel, "init", PodFolder, "--pin-file", PinFile);
        server = InPod(CliRunner.PodKeeper).Start(["serve", PodFolder, "--listen", PodAddress, "--pin-file", PinFile, "--json"]);
        await server.WaitForTextAsync("\"ready\":true", StartLimit, cancel);
    }

    /// <summary>SIGTERM: it ends in order.</summary>
    public async Task EndServingAsync(CancellationToken cancel)
    {
        server!.Signal(15);
        (await server.WaitAsync(StartLimit, cancel)).MustSucceed();
    }

    /// <summary>Runs podkeeper on the pod; it must succeed. Its JSON.</summary>
    public async Task<JsonElement> OnPodAsync(CancellationToken cancel, params IReadOnlyList<string> arguments) =>
        (await InPod(CliRunner.PodKeeper).RunAsync([.. arguments, "--json"], cancellation: cancel)).MustSucceed().Json;

    /// <summary>Pairs a host by the code that the pod shows.</summary>
    public async Task PairAsync(TestHost host, string role, CancellationToken cancel)
    {
        await using CliProcess desk = InPod(CliRunner.PodKeeper).Start(["pair", PodFolder, "--role", role, "--json"]);
        using JsonDocument shown = JsonDocument.Parse(await desk.WaitForLineAsync(StartLimit, cancel));
        string file = InRam["code"];
        await WriteOwnerOnlyAsync(file, Encoding.ASCII.GetBytes(shown.RootElement.GetProperty("code").GetString()!), cancel);
        _ = await host.RunAsync(["pair", "--code-file", file], cancellation: cancel);
        (await desk.WaitAsync(StartLimit, cancel)).MustSucceed();
        File.Delete(file);
    }

    /// <summary>Sends some bytes from a host to the pod, in the clear: what the listener must be able to see.</summary>
    public async Task SendInTheClearAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        string[] inside = [SystemTools.Find(Air.Hosts[0].Wrapper[0]), .. Air.Hosts[0].Wrapper.Skip(1)];
        (await new CliRunner(SystemTools.Find("bash")).Inside(inside)
            .RunAsync(["-c", $"exec cat > /dev/udp/{NetAir.PodAddress}/9"], stdin: bytes, cancellation: cancel)).MustSucceed();
    }

    private CliRunner InPod(CliRunner runner) => runner.Inside([SystemTools.Find(Air.Pod.Wrapper[0]), .. Air.Pod.Wrapper.Skip(1)]);
}
