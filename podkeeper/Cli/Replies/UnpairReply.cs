namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>unpair.</summary>
internal sealed record UnpairReply(string Id, bool WasPaired, int LinksEnded);
