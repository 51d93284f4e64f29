namespace VmPod.PodKeeper.Serving;

/// <summary>How a server is.</summary>
/// <param name="Address">Where it listens.</param>
/// <param name="IsUnlocked">Whether it has the vault's keys.</param>
/// <param name="Links">Paired hosts that are connected.</param>
/// <param name="Leases">Leases whose keys it has, connected or not.</param>
public sealed record ServerState(string Address, bool IsUnlocked, int Links, int Leases);
