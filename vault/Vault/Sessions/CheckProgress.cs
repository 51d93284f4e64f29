namespace VmPod.Vault.Sessions;

/// <summary>How far a pending commit is looked into.</summary>
/// <param name="Done">Chunks of its map that were passed.</param>
/// <param name="Total">All of them.</param>
public readonly record struct CheckProgress(long Done, long Total);
