using VmPod.Vault.Cells;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>What a lease begins with.</summary>
/// <param name="Name">The session's name.</param>
/// <param name="Terms">The lease as it stands in the log.</param>
/// <param name="Home">Where its cells and commits go; the lease owns it.</param>
/// <param name="Signer">The lease's signing key; the lease owns it.</param>
/// <param name="Keys">The lease's keys; owned by <paramref name="KnownKeys"/>.</param>
/// <param name="KnownKeys">Keys of this and, where they are known here, of earlier leases; the lease owns them.</param>
/// <param name="Payloads">Reads the session's payloads; the lease owns it.</param>
/// <param name="Base">The generation it goes on from; null for a new session.</param>
internal sealed record LeaseStart(
    string Name, LeaseTerms Terms, ILeaseHome Home, SigningKey Signer, LeaseKeys Keys, ILeaseKeySource KnownKeys, PayloadReader Payloads, SessionState? Base);
