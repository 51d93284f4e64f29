using System.Text.Json;
using VmPod.Testing;

namespace VmPod.EndToEnd;

/// <summary>A copy of the base pod, served by podkeeper in one network namespace, and a paired host in another.</summary>
public sealed class ServedPod : IAsyncDisposable
{
    private const string Port = "7413", RuntimeFolder = "/run/vmpod";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(3);

    private readonly PodCopy copy;
    private CliProcess? server;

    private ServedPod(PodCopy copy, NetPair net) => (this.copy, Net) = (copy, net);

    /// <summary>The two namespaces and the cable.</summary>
    public NetPair Net { get; }

    /// <summary>The pod's folder.</summary>
    public string Pod => copy.Pod;

    /// <summary>The host: it knows the pod by its address alone.</summary>
    public TestHost Host { get; private set; } = null!;

    /// <summary>Serves the pod, unlocked, and pairs the host.</summary>
    public static async Task<ServedPod> StartAsync(BasePod of)
    {
        var served = new ServedPod(await of.CopyAsync(), await NetPair.CreateAsync());
        served.Host = new TestHost(served.copy.InRam["far"], $"{NetPair.PodAddress}:{Port}", null, served.Net.Host.Wrapper);
        Directory.CreateDirectory(RuntimeFolder, OwnerOnly);
        Directory.CreateDirectory(served.copy.InRam["run"], OwnerOnly);
        await served.ServeAsync();
        await served.PairAsync();
        return served;
    }

    /// <summary>Starts podkeeper serve, and waits until it answers.</summary>
    public async Task ServeAsync(bool unlocked = true)
    {
        IReadOnlyList<string> pin = unlocked ? ["--pin-file", copy.PinFile] : [];
        server = InPod(CliRunner.PodKeeper).Start(["serve", Pod, "--listen", $"{NetPair.PodAddress}:{Port}", .. pin, "--json"]);
        await server.WaitForTextAsync("\"ready\":true", StartLimit);
    }

    /// <summary>Types the passphrase on the pod.</summary>
    public Task<JsonElement> UnlockAsync() => OnPodAsync("unlock", Pod, "--pin-file", copy.PinFile);

    /// <summary>kill -9 of podkeeper.</summary>
    public async Task KillServerAsync()
    {
        await server!.DisposeAsync();
        server = null;
    }

    /// <summary>Runs podkeeper on the pod; it must succeed.</summary>
    public async Task<JsonElement> OnPodAsync(params IReadOnlyList<string> arguments) =>
        (await InPod(CliRunner.PodKeeper).RunAsync([.. arguments, "--json"])).MustSucceed().Json;

    private async Task PairAsync()
    {
        await using CliProcess desk = InPod(CliRunner.PodKeeper).Start(["pair", Pod, "--role", "home", "--json"]);
        string shown = await desk.WaitForLineAsync(StartLimit);
        byte[] code = System.Text.Encoding.ASCII.GetBytes(JsonDocument.Parse(shown).RootElement.GetProperty("code").GetString()!);
        string file = copy.InRam["code"];
        await File.WriteAllBytesAsync(file, code);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _ = await Host.RunAsync(["pair", "--code-file", file]);
        (await desk.WaitAsync(StartLimit)).MustSucceed();
    }

    /// <summary>A command on the pod. Copies of a pod have one vault id, and sockets are named by it: the pod gets a /run/vmpod of its own, as another machine
    /// has.</summary>
    public CliRunner InPod(CliRunner runner) => runner.Inside([SystemTools.Find(Net.Pod.Wrapper[0]), .. Net.Pod.Wrapper.Skip(1), "unshare", "--mount",
        "sh", "-c", $"mount --bind \"$0\" {RuntimeFolder} && exec \"$@\"", copy.InRam["run"]]);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Host.EndAllAsync();
        if (server is not null)
            await server.DisposeAsync();
        await copy.DisposeAsync();
        await Net.DisposeAsync();
    }
}
