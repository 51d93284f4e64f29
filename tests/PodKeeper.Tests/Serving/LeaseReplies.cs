using VmPod.Sync.Wire;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>What a host makes of the pod's answer to OPEN_LEASE.</summary>
internal static class LeaseReplies
{
    internal static LeaseTerms TermsAt(this LeaseReply reply, UInt128 vaultId) => new(vaultId, reply.Session, reply.Term, reply.SessionOffset,
        reply.LeaseOffset, reply.LastGeneration, reply.LastNumber);

    /// <summary>The commit to go on from; null for a new session.</summary>
    internal static BaseCommit? Start(this LeaseReply reply) => reply.Base is not { } from ? null
        : new BaseCommit(from.Record, from.Signature.ToArray(), from.EntryHash, checked((long)from.EntryOffset), from.Certificate.ToArray());
}
