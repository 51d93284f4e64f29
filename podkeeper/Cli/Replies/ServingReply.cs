namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>What status says of a pod that is served.</summary>
/// <param name="Address">Where.</param>
/// <param name="Links">Hosts that are connected.</param>
/// <param name="Leases">Leases whose keys the server has.</param>
internal sealed record ServingReply(string Address, int Links, int Leases);
