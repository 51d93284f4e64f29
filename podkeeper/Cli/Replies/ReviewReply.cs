namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A reading of the audit log was logged by the server; the handle of the session that was asked for.</summary>
internal sealed record ReviewReply(string? Session);
