namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>release.</summary>
internal sealed record ReleaseReply(string Session, bool WasOpen);
