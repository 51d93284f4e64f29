using VmPod.Benchmarks.Peers;

namespace VmPod.Benchmarks.Transfer;

/// <summary>restic with its defaults over sftp: deduplicated, compressed, encrypted on the host.</summary>
internal sealed class ResticPeer : ITransferPeer
{
    /// <inheritdoc/>
    public string Name => "restic";

    /// <inheritdoc/>
    public string Version { get; } = string.Join(' ', Command.Run("restic", ["version"]).Split(' ').Skip(1).Take(1)) + " (defaults, sftp)";

    /// <inheritdoc/>
    public void Fill(TransferPlace place, string live)
    {
        // Throwaway, like the repositories.
        File.WriteAllText(Password(place), "benchmark");
        foreach (string repository in (string[])["files", "empty"])
            Command.Run("restic", ["-q", "-r", Path.Join(place.PodFolder, repository), .. Common(place), "init"]);
        Command.Run("restic", ["-q", "-r", Path.Join(place.PodFolder, "files"), .. Common(place), "backup", "."], live);
    }

    /// <inheritdoc/>
    public TransferCommand FirstSync(TransferPlace place, string disk) => Restic(place, "empty", null, "backup", disk);

    /// <inheritdoc/>
    public TransferCommand? LightSync(TransferPlace place, string live) => Restic(place, "files", live, "backup", ".");

    /// <inheritdoc/>
    public TransferCommand FullCopy(TransferPlace place, string live, string into) =>
        Restic(place, "files", null, "restore", "latest", "--target", into);

    private static TransferCommand Restic(TransferPlace place, string repository, string? folder, params string[] arguments) => new("restic",
        ["-q", "-r", $"sftp:{SshServer.Pod}:{Path.Join(place.PodFolder, repository)}", "-o", $"sftp.command=ssh -F {place.SshConfig} {SshServer.Pod} -s sftp",
            .. Common(place), .. arguments], Folder: folder);

    private static string[] Common(TransferPlace place) => ["--password-file", Password(place), "--cache-dir", Path.Join(place.HostFolder, "cache")];

    private static string Password(TransferPlace place) => Path.Join(place.HostFolder, "password");
}
