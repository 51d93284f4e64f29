namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>lock.</summary>
/// <param name="Vault">The vault's id.</param>
/// <param name="WasUnlocked">True if an agent had its key; that is zero now.</param>
/// <param name="Logged">True if the audit log has it; it has not while another process uses the vault.</param>
/// <param name="Leases">Leases that the server serves on, or with --all had revoked; null if the pod is not served.</param>
internal sealed record LockReply(string Vault, bool WasUnlocked, bool Logged, int? Leases = null);
