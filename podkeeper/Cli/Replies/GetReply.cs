namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>get.</summary>
internal sealed record GetReply(string Session, ulong Generation, int Files, long BytesWritten, double WallS);
