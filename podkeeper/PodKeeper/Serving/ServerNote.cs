namespace VmPod.PodKeeper.Serving;

/// <summary>What a server says for operations, which is no audit log. Without secrets, names of sessions, and addresses.</summary>
/// <param name="What">What happened: a sentence that never varies.</param>
/// <param name="Link">The link's number since the server started; 0 for none.</param>
/// <param name="Why">The reason, where there is one: the text of a VmPodException.</param>
/// <param name="Bug">An exception that is a bug.</param>
public sealed record ServerNote(string What, long Link = 0, string? Why = null, Exception? Bug = null);
