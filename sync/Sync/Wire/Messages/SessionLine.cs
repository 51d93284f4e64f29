using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>One session of a SESSIONS.</summary>
/// <param name="Handle">Its handle.</param>
/// <param name="Name">Its name; empty if the pod is locked, and cannot read it.</param>
/// <param name="IsLeaseOpen">Whether a lease is open on it.</param>
/// <param name="CommitCount">Commits so far.</param>
/// <param name="TipGeneration">The newest commit's generation; 0 if there is none.</param>
/// <param name="TimeMs">The newest commit's time, ms since 1970; 0 if there is none.</param>
public readonly record struct SessionLine(SessionHandle Handle, string Name, bool IsLeaseOpen, ulong CommitCount, ulong TipGeneration, ulong TimeMs);
