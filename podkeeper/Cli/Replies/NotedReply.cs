namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>The answer to what a server was told to write down.</summary>
internal sealed record NotedReply(bool Noted);
