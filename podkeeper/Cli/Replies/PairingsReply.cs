namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>pairings.</summary>
internal sealed record PairingsReply(IReadOnlyList<PairReply> Pairings);
