namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>sessions.</summary>
internal sealed record SessionsReply(string Vault, bool Unlocked, IReadOnlyList<SessionReply> Sessions);
