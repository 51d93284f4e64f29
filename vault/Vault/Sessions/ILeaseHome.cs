using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>
/// Where a lease's cells and commits go: the vault of this machine, or a pod over a link. One lease has one. Not thread-safe, as the lease's writing is not.
/// </summary>
public interface ILeaseHome : IDisposable
{
    /// <summary>Bytes of every cell.</summary>
    int CellBytes { get; }

    /// <summary>True where a link may take longer for cells than it takes to make them.</summary>
    bool IsFar => false;

    /// <summary>Now, in milliseconds since 1970.</summary>
    ulong NowMs();

    /// <summary>Takes a cell, to be kept once a commit names it. <paramref name="cell"/> is valid for the call.</summary>
    /// <exception cref="VmPodException">No space (8), link lost (7).</exception>
    void Append(in CellId id, ReadOnlySpan<byte> cell);

    /// <summary>Makes a commit the session's newest, durably.</summary>
    /// <param name="commit">The signed commit.</param>
    /// <param name="close">Ends the lease with it.</param>
    /// <returns>The hash of its entry in the log, and where that stands.</returns>
    /// <exception cref="VmPodException">No space (8): nothing was committed. The lease was ended by another (6). Link lost (7).</exception>
    (Digest Hash, long Offset) Commit(CommitEntry commit, bool close);

    /// <summary>Forgets the cells that no commit named.</summary>
    void Discard();

    /// <summary>Ends the lease.</summary>
    void Close();
}
