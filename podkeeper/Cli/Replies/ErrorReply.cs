namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>The one object of a command that failed.</summary>
internal sealed record ErrorReply(ErrorDetail Error);
