namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A pod that keeps a mirror of this one.</summary>
/// <param name="Id">The pairing's id.</param>
/// <param name="Name">How that pod calls itself.</param>
/// <param name="Place">Where it was last reached; null if that is not known.</param>
/// <param name="Created">When they were paired.</param>
/// <param name="LogName">What the audit log calls it.</param>
internal sealed record KeeperReply(string Id, string Name, string? Place, DateTimeOffset Created, string LogName);
