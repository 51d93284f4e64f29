namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>The process that uses a vault.</summary>
internal sealed record HolderReply(int? Pid, string? Program);
