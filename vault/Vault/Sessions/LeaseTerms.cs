using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>What a lease's commits say of it.</summary>
/// <param name="VaultId">The vault.</param>
/// <param name="Session">The session.</param>
/// <param name="Term">The lease's term.</param>
/// <param name="SessionOffset">Where the session's entry stands in the log.</param>
/// <param name="LeaseOffset">Where the lease's entry stands.</param>
/// <param name="LastGeneration">The session's highest generation number so far.</param>
/// <param name="LastNumber">Its highest commit number so far.</param>
public sealed record LeaseTerms(
    UInt128 VaultId, SessionHandle Session, ulong Term, ulong SessionOffset, ulong LeaseOffset, ulong LastGeneration, ulong LastNumber);
