using System.Text;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.Vault;

/// <summary>
/// Making a fork a session of its own (V-190, V-191). A cell belongs to one session's keys, so its content is stored once more, as a squash does; the new
/// session's first commit and the fork's forgetting are one commit of the store.
/// </summary>
public sealed partial class PodVault
{
    /// <summary>Stores a fork's content as the first generation of a new session, and forgets the fork, both or neither.</summary>
    /// <param name="name">The session that the fork is of.</param>
    /// <param name="fork">The id of the lease that left it.</param>
    /// <param name="newName">The new session's name.</param>
    /// <param name="host">This host's pseudonym.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancel">Stops it; the vault is as it was.</param>
    /// <exception cref="VmPodException">No such session or fork (3). Locked, the fork is pending, or there is a session of the new name (4). Refused, or
    /// damaged (5). A host goes on from the fork now (6). No space (8).</exception>
    public KeptFork KeepFork(string name, ulong fork, string newName, UInt128 host, IProgress<TransferProgress>? progress, CancellationToken cancel)
    {
        SessionSummary session = FindSession(name);
        FoundCommit commit = FindFork(name, session.Handle, fork);
        MustBeTrusted(name, commit);
        CheckName(newName);
        if (TryFindSession(newName) is not null)
            throw IsTaken(newName);
        SupersededCommit gone = new(session.Handle, commit.Offset, commit.Hash);
        MustNotBeNeeded(default, [gone]);
        using SessionReader source = OpenSession(session.Handle.ToString(), fork: fork);
        using SessionLease lease = NewLease(newName, create: true, host, default, [gone], keepsReserve: true);
        try
        {
            // Somebody made one of this name since.
            if (lease.Reader is not null)
                throw IsTaken(newName);
            CommitSummary made = SnapshotWriter.Copy(lease, source, LabelOf(source.Label, fork), progress, cancel);
            return new KeptFork(lease.Session, newName, made.Record, made.CellsAdded);
        }
        catch
        {
            lease.Close();
            throw;
        }
    }

    // What is forgotten together with a commit of another session: no lease may stand on it.
    private void MustNotBeNeeded(SessionHandle written, IReadOnlyList<SupersededCommit> gone)
    {
        foreach (SupersededCommit commit in gone.Where(c => c.Session != written))
        {
            SessionEntry? row = Store.Head.Find(commit.Session.Value);
            if (row is { LeaseState: LeaseState.Open } && log.FindLease(commit.Session, row.LeaseId)?.Base == commit.Hash)
            {
                throw new VmPodException(ExitCode.Busy, "A host goes on from this fork now: it is the session's line already.",
                    "Suspend the session there; its generations keep what the fork had.");
            }
        }
    }

    // Where it came from, where there is room to say so.
    private static string LabelOf(string label, ulong fork)
    {
        string from = $"kept from {ForkName.Of(fork)}", both = label.Length == 0 ? from : $"{label} ({from})";
        return Encoding.UTF8.GetByteCount(both) <= FormatLimits.SessionNameBytesMax ? both : label;
    }

    private static VmPodException IsTaken(string name) =>
        new(ExitCode.Refused, $"There is a session {name} already.", "Keep the fork under another name.");
}
