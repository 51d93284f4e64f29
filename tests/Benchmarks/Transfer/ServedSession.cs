using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>A copy of the pod of a <see cref="TransferSession"/>, served at one end of a link, and a host at the other that is paired with it.</summary>
internal sealed class ServedSession : IAsyncDisposable
{
    /// <summary>Where podkeeper serves.</summary>
    public const int Port = 7413;

    /// <summary>Where it pairs.</summary>
    public const int PairingPort = Port + 1;

    private const string RuntimeFolder = "/run/vmpod";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly TempFolder folder = new(), inRam = new(inRam: true);
    private readonly ShapedLink link;
    private CliProcess? server;

    private ServedSession(ShapedLink link)
    {
        this.link = link;
        Host = new TestHost(inRam["far"], $"{ShapedLink.RelayAddress}:{Port}", null, link.Host.Wrapper);
    }

    /// <summary>The host.</summary>
    public TestHost Host { get; }

    private string Pod => folder["pod"];

    /// <summary>Copies the pod, serves it, pairs the host.</summary>
    public static async Task<ServedSession> StartAsync(TransferSession session, ShapedLink link)
    {
        var served = new ServedSession(link);
        try
        {
            (await new CliRunner("/bin/cp").RunAsync(["-r", "--preserve=mode", "--sparse=always", session.Pod, served.Pod])).MustSucceed();
            Directory.CreateDirectory(RuntimeFolder, OwnerOnly);
            Directory.CreateDirectory(served.inRam["run"], OwnerOnly);
            served.server = served.InPod().Start(
                ["serve", served.Pod, "--listen", $"{ShapedLink.PodAddress}:{Port}", "--pin-file", session.PinFile, "--json"]);
            await served.server.WaitForTextAsync("\"ready\":true", StartLimit);
            await served.PairAsync();
            return served;
        }
        catch
        {
            await served.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Host.EndAllAsync();
        if (server is not null)
            await server.DisposeAsync();
        folder.Dispose();
        inRam.Dispose();
    }

    private async Task PairAsync()
    {
        await using CliProcess desk = InPod().Start(["pair", Pod, "--role", "home", "--address", $"{ShapedLink.RelayAddress}:{PairingPort}", "--json"]);
        string shown = await desk.WaitForLineAsync(StartLimit);
        byte[] code = System.Text.Encoding.ASCII.GetBytes(JsonDocument.Parse(shown).RootElement.GetProperty("code").GetString()!);
        string file = inRam["code"];
        await File.WriteAllBytesAsync(file, code);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _ = await Host.RunAsync(["pair", "--code-file", file]);
        (await desk.WaitAsync(StartLimit)).MustSucceed();
    }

    // Copies of a pod have one vault id, and sockets are named by it: the pod gets a /run/vmpod of its own, as another machine has.
    private CliRunner InPod() => CliRunner.PodKeeper.Inside([SystemTools.Find(link.Pod.Wrapper[0]), .. link.Pod.Wrapper.Skip(1), "unshare", "--mount",
        "sh", "-c", $"mount --bind \"$0\" {RuntimeFolder} && exec \"$@\"", inRam["run"]]);
}
