namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>init.</summary>
internal sealed record InitReply(string Vault, string Folder, int CellBytes);
