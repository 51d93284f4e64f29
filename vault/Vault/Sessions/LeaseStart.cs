using VmPod.Vault.Cells;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>What a lease begins with.</summary>
/// <param name="Name">The session's name.</param>
/// <param name="Entry">The lease as it stands in the log.</param>
/// <param name="LeaseOffset">Where it stands.</param>
/// <param name="Signer">The lease's signing key; the lease owns it.</param>
/// <param name="Keys">The lease's keys; owned by <paramref name="SessionKeys"/>.</param>
/// <param name="SessionKeys">The session's keys; the lease owns them.</param>
/// <param name="Payloads">Reads the session's payloads; the lease owns it.</param>
/// <param name="Base">The generation it goes on from; null for a new session.</param>
/// <param name="LastGeneration">The highest generation number so far.</param>
/// <param name="LastBatch">The highest batch number so far.</param>
internal sealed record LeaseStart(
    string Name, LeaseEntry Entry, long LeaseOffset, SigningKey Signer, LeaseKeys Keys, SessionKeys SessionKeys, PayloadReader Payloads, SessionState? Base,
    ulong LastGeneration, ulong LastBatch);
