using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>What a pod does for the host at the other end of one link: one method for each request.</summary>
/// <remarks>
/// A <see cref="VmPodException"/> is answered as ERROR with its exit code, message and hint; any other exception is a bug, is answered as exit
/// code 1 without its text, and goes to <see cref="WireOptions.Bug"/>.
/// <para>Find, List, LeaseKeys, Forks, GetCells, Have and Renew are called from <see cref="WireLimits.ReadWorkers"/> threads at once and beside the writes.
/// All others are called from one thread, in the order in which the host sent them. No method may hold a span after it returned.</para>
/// </remarks>
public interface IWireHandler
{
    /// <summary>FIND.</summary>
    SessionReply Find(FindRequest request);

    /// <summary>LIST.</summary>
    SessionsReply List();

    /// <summary>OPEN_LEASE: answers with <see cref="LeaseAnswer.Send"/>, once; the lease is attached to this link from then on.</summary>
    void OpenLease(LeaseRequest request, LeaseAnswer answer);

    /// <summary>ATTACH.</summary>
    AttachedReply Attach(AttachRequest request);

    /// <summary>GET_HOME_KEY: answers with <see cref="HomeKeyAnswer.Send"/>, once.</summary>
    void HomeKey(HomeKeyAnswer answer);

    /// <summary>GET_LEASE_KEYS.</summary>
    LeaseKeysReply LeaseKeys(LeaseKeysRequest request);

    /// <summary>GET_FORKS.</summary>
    ForksReply Forks(ForksRequest request);

    /// <summary>GET_CELLS: answers each index once with <see cref="CellAnswer.Send"/>, in any order.</summary>
    void GetCells(CellsRequest request, CellAnswer answer);

    /// <summary>HAVE: for each id, in its order, whether the cell is there and need not be put; durable it is by the next FLUSH or COMMIT.</summary>
    IReadOnlyList<bool> Have(IReadOnlyList<CellId> ids);

    /// <summary>RENEW.</summary>
    RenewedReply Renew();

    /// <summary>PUT_CELL: stores a cell of the vault's size. What it throws is answered to the next FLUSH or COMMIT. Called too, after the link was lost, for
    /// cells that came whole before.</summary>
    void PutCell(ReadOnlySpan<byte> cell);

    /// <summary>FLUSH: when it returns, all cells put before are durable.</summary>
    void Flush();

    /// <summary>COMMIT, with the lists that were sent before it: each ascends, none twice, and their lengths are the record's counts.</summary>
    CommittedReply Commit(CommitRequest request, CellId[] added, CellId[] dropped);

    /// <summary>DISCARD.</summary>
    void Discard();

    /// <summary>CLOSE_LEASE.</summary>
    void CloseLease();

    /// <summary>LOG.</summary>
    void Log(LogRequest request);

    /// <summary>RECEIPT.</summary>
    void Receipt(ReceiptRequest request);
}
