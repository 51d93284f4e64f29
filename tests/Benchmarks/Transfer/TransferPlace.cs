namespace VmPod.Benchmarks.Transfer;

/// <summary>Where a peer works in one round.</summary>
/// <param name="HostFolder">What it keeps on the host.</param>
/// <param name="PodFolder">What it keeps on the pod.</param>
/// <param name="SshConfig">For ssh -F.</param>
internal sealed record TransferPlace(string HostFolder, string PodFolder, string SshConfig);
