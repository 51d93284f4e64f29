namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>Whether a server serves this very folder.</summary>
internal sealed record IsYoursReply(bool Yours);
