namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>get. Fork is the name of the fork that was read; null for a generation. Salvage is null unless it was asked for.</summary>
internal sealed record GetReply(string Session, ulong Generation, string? Fork, int Files, long BytesWritten, double WallS, SalvageReply? Salvage);
