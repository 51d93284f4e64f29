using VmPod.Vault.Format;
using VmPod.Vault.House;

namespace VmPod.Vault.Sessions;

/// <summary>The vault of this machine as the home of a lease. What <paramref name="supersedes"/> names is forgotten with each of its commits.</summary>
internal sealed class VaultLeaseHome(PodVault vault, LeaseEntry entry, IReadOnlyList<SupersededCommit> supersedes)
    : ILeaseHome
{
    private bool isAppending;
    private SpaceGuard? guard;

    /// <summary>What is appended leaves the reserve alone (V-167).</summary>
    public void KeepReserve() => guard = new SpaceGuard(vault);

    /// <inheritdoc/>
    public int CellBytes => vault.Descriptor.CellBytes;

    /// <inheritdoc/>
    public ulong NowMs() => vault.NowMs();

    /// <inheritdoc/>
    public void Append(in CellId id, ReadOnlySpan<byte> cell)
    {
        if (!isAppending)
            vault.BeginAppending(this);
        isAppending = true;
        guard?.MustFit(cell.Length);
        vault.Store.Append(id, cell);
    }

    /// <inheritdoc/>
    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        (Digest Hash, long Offset) place = vault.CommitSession(commit, entry, close, supersedes: supersedes);
        vault.EndAppending(this);
        isAppending = false;
        return place;
    }

    /// <inheritdoc/>
    public void Discard()
    {
        vault.DiscardCells(this);
        isAppending = false;
    }

    /// <inheritdoc/>
    public void Close() => vault.CloseLease(entry);

    /// <inheritdoc/>
    public void Dispose()
    {
        vault.EndAppending(this);
        vault.Forget(entry);
    }
}
