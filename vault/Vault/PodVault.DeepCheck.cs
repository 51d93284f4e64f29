using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Verifying with keys.</summary>
public sealed partial class PodVault
{
    /// <summary>Looks into generations of a session with its keys. The caller disposes it.</summary>
    /// <exception cref="VmPodException">No such session (3), locked (4), its name or keys are damaged (5).</exception>
    public SessionCheck OpenCheck(SessionHandle session)
    {
        SessionKeys keys = OpenKeys(session);
        return new SessionCheck(this, keys, NewReader(keys, session), new KeyedCellOpener(new StoreCellSource(Store), keys));
    }

    /// <summary>The keys of a session; the caller's.</summary>
    internal SessionKeys OpenKeys(SessionHandle session) => KeysOf(FindSession(session.ToString()));

    /// <summary>A commit's state, by where its entry stands in the log.</summary>
    internal SessionState OpenState(long offset, Digest hash, PayloadReader payloads) => LoadState(TryReadCommit(offset, hash)
        ?? throw new VmPodException(ExitCode.Damaged, "A commit in the vault's log is damaged.", "Run podkeeper verify; use a mirror."), payloads);
}
