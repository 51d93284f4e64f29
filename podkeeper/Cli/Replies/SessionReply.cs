namespace VmPod.PodKeeper.Cli.Replies;

/// <summary>A session.</summary>
/// <param name="Handle">Its handle.</param>
/// <param name="Name">Its name; null while locked.</param>
/// <param name="Lease">"open" or "none".</param>
/// <param name="Commits">Commits so far, drafts included.</param>
/// <param name="Generations">Its generations, oldest first.</param>
/// <param name="Forks">Its forks, oldest first.</param>
/// <param name="Tip">Whether its newest commit, draft or not, is "sound", "pending", "accepted" or "refused".</param>
/// <param name="Head">The generation or fork that its newest commit is, or goes on from if that is a draft: "@3", "@fork-0123456789abcdef"; null for
/// none.</param>
/// <param name="Draft">When its newest commit was made, if that is a draft: disks that were written since the head. Null if not.</param>
internal sealed record SessionReply(
    string Handle, string? Name, string Lease, ulong Commits, IReadOnlyList<GenerationReply> Generations, IReadOnlyList<ForkReply> Forks,
    string Tip, string? Head = null, DateTimeOffset? Draft = null);
