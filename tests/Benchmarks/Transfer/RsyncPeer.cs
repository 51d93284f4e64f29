using VmPod.Benchmarks.Peers;

namespace VmPod.Benchmarks.Transfer;

/// <summary>rsync -z over ssh: compressed, and for a file that is there already only what differs.</summary>
internal sealed class RsyncPeer : ITransferPeer
{
    /// <inheritdoc/>
    public string Name => "rsync -z";

    /// <inheritdoc/>
    public string Version { get; } = Command.Run("rsync", ["--version"]).Split(' ', StringSplitOptions.RemoveEmptyEntries)[2]
        + " (-az; --sparse for new files, --inplace for those that are there)";

    /// <inheritdoc/>
    public void Fill(TransferPlace place, string live) => Command.Run("cp", ["-r", "--sparse=always", "--preserve=timestamps", live, Files(place)]);

    /// <inheritdoc/>
    public TransferCommand FirstSync(TransferPlace place, string disk) =>
        Rsync(place, "--sparse", disk, $"{SshServer.Pod}:{Path.Join(place.PodFolder, "disk")}");

    /// <inheritdoc/>
    public TransferCommand? LightSync(TransferPlace place, string live) => Rsync(place, "--inplace", live + "/", $"{SshServer.Pod}:{Files(place)}/");

    /// <inheritdoc/>
    public TransferCommand FullCopy(TransferPlace place, string live, string into) => Rsync(place, "--sparse", $"{SshServer.Pod}:{Files(place)}/", into + "/");

    private static string Files(TransferPlace place) => Path.Join(place.PodFolder, "files");

    private static TransferCommand Rsync(TransferPlace place, string option, string from, string to) =>
        new("rsync", ["-az", option, "-e", $"ssh -F {place.SshConfig}", from, to]);
}
