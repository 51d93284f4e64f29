namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>accept. Accepted has the names of what was pending.</summary>
internal sealed record AcceptReply(string Session, IReadOnlyList<string> Accepted);
