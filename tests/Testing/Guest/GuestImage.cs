using System.Text.Json;

namespace VmPod.Testing;

/// <summary>The guest's disk in the cache. Never boot it there: copy it first (<see cref="CopyDiskAsync"/>).</summary>
/// <param name="Folder">The folder in the cache.</param>
/// <param name="DiskBytes">Size of the disk as the guest sees it.</param>
/// <param name="Kernel">Version of the guest's kernel.</param>
public sealed record GuestImage(string Folder, long DiskBytes, string Kernel)
{
    /// <summary>A build takes 40 s on a quiet machine, three times that beside others.</summary>
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(10);

    /// <summary>The raw disk, sparse.</summary>
    public string DiskPath => Path.Join(Folder, "disk.raw");

    /// <summary>The cached guest; built first if it is missing or its sources changed (progress on stderr).</summary>
    /// <exception cref="InvalidOperationException">It could not be built; the message has the script's last lines.</exception>
    public static async Task<GuestImage> GetAsync(GuestFlavour flavour = GuestFlavour.Small, CancellationToken cancellation = default)
    {
        string folder = await RunScriptAsync("build-guest.sh", ["--flavour", flavour == GuestFlavour.Small ? "small" : "sessions"], cancellation);
        using JsonDocument json = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Join(folder, "guest.json"), cancellation));
        return new GuestImage(folder, json.RootElement.GetProperty("disk_bytes").GetInt64(), json.RootElement.GetProperty("kernel").GetString()!);
    }

    /// <summary>The folder with suspended sessions gen0 to gen3 (disk.raw, mem.raw, state.bin, meta.json); made first if missing, about 2 minutes.</summary>
    public static Task<string> GetSessionsAsync(CancellationToken cancellation = default) => RunScriptAsync("make-sessions.sh", [], cancellation);

    /// <summary>Copies the disk, holes and all.</summary>
    public async Task CopyDiskAsync(string target, CancellationToken cancellation = default)
    {
        CliResult copy = await new CliRunner("/bin/cp").RunAsync(["--sparse=always", DiskPath, target], BuildLimit, cancellation: cancellation);
        copy.MustSucceed();
    }

    private static async Task<string> RunScriptAsync(string script, string[] arguments, CancellationToken cancellation)
    {
        var runner = new CliRunner(Repository.PathOf("tests", "Guest", script)) { EchoErrors = true };
        CliResult result = await runner.RunAsync(arguments, BuildLimit, cancellation: cancellation);
        result.MustSucceed();
        return result.Output.Trim();
    }
}
