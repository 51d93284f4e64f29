namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>unlock.</summary>
/// <param name="Vault">The vault's id.</param>
/// <param name="WasUnlocked">True if an agent served it already; then nothing was asked.</param>
/// <param name="AgentPid">The new agent's process id, or null.</param>
/// <param name="IdleS">Seconds without use after which it ends.</param>
/// <param name="Served">True if the server that serves this pod was unlocked; then there is no agent.</param>
internal sealed record UnlockReply(string Vault, bool WasUnlocked, int? AgentPid, long IdleS, bool Served = false);
