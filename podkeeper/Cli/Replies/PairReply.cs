namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>pair, and a line of pairings.</summary>
/// <param name="Id">The pairing's id.</param>
/// <param name="Name">How the host calls itself.</param>
/// <param name="Role">"home", "foreign" or "mirror".</param>
/// <param name="Created">When.</param>
/// <param name="LogName">What the audit log calls it.</param>
/// <param name="Copy">The name of the copy that is kept of it; null for hosts.</param>
internal sealed record PairReply(string Id, string Name, string Role, DateTimeOffset Created, string LogName, string? Copy = null);
