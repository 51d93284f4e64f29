namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>recover.</summary>
/// <param name="Vault">The vault's id.</param>
/// <param name="LeasesEnded">Leases that were open.</param>
internal sealed record RecoverReply(string Vault, int LeasesEnded);
