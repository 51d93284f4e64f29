using VmPod.Benchmarks.Peers;

namespace VmPod.Benchmarks.Transfer;

/// <summary>borg over ssh with chunks of 64 KiB on a fixed grid, as in `bench vault`: deduplicated, compressed by lz4, encrypted on the host.</summary>
internal sealed class BorgPeer : ITransferPeer
{
    private static readonly string[] Create = ["create", "--chunker-params", "fixed,65536", "--sparse"];

    /// <inheritdoc/>
    public string Name => "borg";

    /// <inheritdoc/>
    public string Version { get; } = Command.Run("borg", ["--version"]).Trim().Split(' ')[^1] + " (--chunker-params fixed,65536 --sparse, lz4, repokey, ssh)";

    /// <inheritdoc/>
    public void Fill(TransferPlace place, string live)
    {
        Dictionary<string, string> environment = Environment(place).ToDictionary(v => v.Key, v => v.Value!);
        foreach (string repository in (string[])["files", "empty"])
            Command.Run("borg", ["init", "-e", "repokey", Path.Join(place.PodFolder, repository)], null, environment);
        Command.Run("borg", [.. Create, Path.Join(place.PodFolder, "files") + "::first", "."], live, environment);
    }

    /// <inheritdoc/>
    public TransferCommand FirstSync(TransferPlace place, string disk) => Borg(place, null, [.. Create, Archive(place, "empty", "disk"), disk]);

    /// <inheritdoc/>
    public TransferCommand? LightSync(TransferPlace place, string live) => Borg(place, live, [.. Create, Archive(place, "files", "next"), "."]);

    /// <inheritdoc/>
    public TransferCommand FullCopy(TransferPlace place, string live, string into) =>
        Borg(place, into, ["extract", "--sparse", Archive(place, "files", "first")]);

    private static string Archive(TransferPlace place, string repository, string name) =>
        $"ssh://{SshServer.Pod}{Path.Join(place.PodFolder, repository)}::{name}";

    private static TransferCommand Borg(TransferPlace place, string? folder, string[] arguments) => new("borg", arguments, Environment(place), folder);

    // The passphrase of a throwaway repository; borg takes it from nowhere else without a terminal.
    private static Dictionary<string, string?> Environment(TransferPlace place) => new()
    {
        ["BORG_PASSPHRASE"] = "benchmark",
        ["BORG_BASE_DIR"] = Path.Join(place.HostFolder, "home"),
        ["BORG_RSH"] = $"ssh -F {place.SshConfig}",
        // Each round has a copy of the repository, in another place.
        ["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes",
    };
}
