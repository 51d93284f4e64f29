namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>forks.</summary>
/// <param name="Vault">The vault.</param>
/// <param name="Unlocked">False: nothing is said of files.</param>
/// <param name="Forks">All forks, of one session or of all.</param>
internal sealed record ForksReply(string Vault, bool Unlocked, IReadOnlyList<ForkDetailReply> Forks);
