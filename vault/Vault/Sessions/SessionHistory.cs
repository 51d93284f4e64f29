using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>What a session's past looks like: what can be opened of it, and what each goes on from.</summary>
/// <param name="Generations">Its generations, oldest first.</param>
/// <param name="Forks">Its forks, oldest first.</param>
/// <param name="TakenUp">The forks, by hash, that the session went on from, or goes on from now: nobody needs to decide about them.</param>
/// <param name="Parents">Of a generation or fork, by hash: the nearest of the two kinds that it goes on from, past drafts and what was forgotten. None for
/// the first, and where an entry between is damaged.</param>
/// <param name="Head">The hash of the newest of them on the line of the session's newest commit; zero for none.</param>
public sealed record SessionHistory(IReadOnlyList<GenerationInfo> Generations, IReadOnlyList<ForkInfo> Forks, IReadOnlySet<Digest> TakenUp,
    IReadOnlyDictionary<Digest, Digest> Parents, Digest Head);
