namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>pair, and a line of pairings.</summary>
/// <param name="Id">The pairing's id.</param>
/// <param name="Name">How the host calls itself.</param>
/// <param name="Role">"home" or "foreign".</param>
/// <param name="Created">When.</param>
/// <param name="LogName">What the audit log calls it.</param>
internal sealed record PairReply(string Id, string Name, string Role, DateTimeOffset Created, string LogName);
