using VmPod.Benchmarks.Peers;

namespace VmPod.Benchmarks.Transfer;

/// <summary>scp: what a plain copy of the files takes, holes as zeros. It has no delta.</summary>
internal sealed class ScpPeer : ITransferPeer
{
    /// <inheritdoc/>
    public string Name => "scp";

    /// <inheritdoc/>
    public string Version { get; } = "of " + SshServer.VersionAsync().GetAwaiter().GetResult();

    /// <inheritdoc/>
    public void Fill(TransferPlace place, string live) => Command.Run("cp", ["-r", "--sparse=always", live, Path.Join(place.PodFolder, "files")]);

    /// <inheritdoc/>
    public TransferCommand FirstSync(TransferPlace place, string disk) => new("scp",
        ["-q", "-F", place.SshConfig, disk, $"{SshServer.Pod}:{Path.Join(place.PodFolder, "disk")}"], KnownBytes: new FileInfo(disk).Length);

    /// <inheritdoc/>
    public TransferCommand? LightSync(TransferPlace place, string live) => null;

    /// <inheritdoc/>
    public TransferCommand FullCopy(TransferPlace place, string live, string into) => new("scp",
        ["-q", "-r", "-F", place.SshConfig, $"{SshServer.Pod}:{Path.Join(place.PodFolder, "files")}", into],
        KnownBytes: new DirectoryInfo(live).EnumerateFiles().Sum(f => f.Length));
}
