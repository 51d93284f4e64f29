namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>pairings.</summary>
/// <param name="Pairings">Those who may come: hosts, and pods whose mirrors are kept here.</param>
/// <param name="Keepers">The pods that keep mirrors of this one.</param>
internal sealed record PairingsReply(IReadOnlyList<PairReply> Pairings, IReadOnlyList<KeeperReply> Keepers);
