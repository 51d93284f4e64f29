using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Sessions: listing, finding, opening for reading. A damaged commit is refused by name, and hides no other.</summary>
public sealed partial class PodVault
{
    /// <summary>All sessions that have a commit that can be read, by their place in the head.</summary>
    public IReadOnlyList<SessionSummary> ListSessions() =>
        [.. Store.Head.Sessions.Where(r => r.TipOffset >= 0).Select(Summarize).OfType<SessionSummary>()];

    /// <summary>Finds a session by name, or by handle in hexadecimal.</summary>
    /// <exception cref="VmPodException">There is none (exit 3), the vault is locked (exit 4), no commit of it can be read (exit 5).</exception>
    public SessionSummary FindSession(string name) => TryFindSession(name)
        ?? throw new VmPodException(ExitCode.NotFound, $"The vault has no session {name}.", "podkeeper sessions DIR lists them.");

    /// <summary>As <see cref="FindSession"/>, or null.</summary>
    /// <exception cref="VmPodException">The vault is locked (exit 4), no commit of the session can be read (exit 5).</exception>
    public SessionSummary? TryFindSession(string name)
    {
        if (!IsUnlocked)
            throw Locked();
        IReadOnlyList<SessionSummary> sessions = ListSessions();
        if ((sessions.FirstOrDefault(s => s.Name == name) ?? sessions.FirstOrDefault(s => s.Handle.ToString() == name)) is { } found)
            return found;
        bool isUnreadable = Store.Head.Sessions.Where(r => r.TipOffset >= 0).Select(r => new SessionHandle(r.Handle))
            .Except(sessions.Select(s => s.Handle)).Any(handle => handle.ToString() == name || NameOf(handle, offset: null) == name);
        return isUnreadable
            ? throw new VmPodException(ExitCode.Damaged, $"No commit of session {name} can be read: their entries in the vault's log are damaged.",
                "Other sessions can be opened. Restore the log from a mirror or a backup.")
            : null;
    }

    /// <summary>Opens a generation of a session for reading: the newest, or the one with this number; or the tip, which may be a draft; or a fork, by the
    /// id of the lease that left it.</summary>
    /// <exception cref="VmPodException">No such session, generation or fork (3), locked (4), that generation is damaged (5).</exception>
    public SessionReader OpenSession(string name, ulong? generation = null, bool tip = false, ulong? fork = null)
    {
        SessionSummary session = FindSession(name);
        FoundCommit commit = WhichCommit(name, session, new LeaseBegin(generation, tip, fork));
        MustNotBeRefused(name, commit);
        SessionKeys keys = KeysOf(session);
        var payloads = NewReader(keys, session.Handle);
        try
        {
            return new SessionReader(name, session.Handle, keys, payloads, LoadState(commit, payloads), ownsKeys: true);
        }
        catch
        {
            payloads.Dispose();
            keys.Dispose();
            throw;
        }
    }

    /// <summary>Reads every cell and every entry of the log, and hashes them: needs no key. Cells that are needed (V-162) must be there.</summary>
    public VerifyReport Verify(IProgress<VerifyProgress>? progress, CancellationToken cancel) => Store.Verify(CellsToVerify(), progress, cancel);

    private SessionSummary? Summarize(SessionEntry row)
    {
        var handle = new SessionHandle(row.Handle);
        CommitRecord? tip = TryReadCommit(row.TipOffset, row.TipHash)?.Record;
        bool isDamaged = tip is null;
        if (isDamaged && row.GenerationOffset >= 0)
            tip = TryReadCommit(row.GenerationOffset, row.GenerationHash)?.Record;
        tip ??= ListGenerations(handle) is [.., var newest] ? newest.Record : null;
        return tip is null
            ? null
            : new SessionSummary(handle, IsUnlocked ? NameOf(handle, tip.SessionOffset) : null, row.LeaseState == LeaseState.Open, row.Commits, tip, isDamaged);
    }

    private string? NameOf(SessionHandle session, ulong? offset) => NameEntry(session, offset)?.OpenName(vaultKey!, Descriptor.VaultId);

    private SessionKeys KeysOf(SessionSummary session) => new(Descriptor, session.Handle, SessionKeyOf(session), log);

    private SecretBuffer SessionKeyOf(SessionSummary session) =>
        NameEntry(session.Handle, session.Tip.SessionOffset)?.UnwrapKey(vaultKey ?? throw Locked(), Descriptor.VaultId) ?? throw Broken();

    // Its name and key, at the offset that a commit gives, or else where the log has it. Null if the entry is damaged.
    private SessionNameEntry? NameEntry(SessionHandle session, ulong? offset)
    {
        if (offset is { } place)
            return TryReadName(session, place);
        if (Find() is { } entry)
            return entry;
        log.Distrust();
        return Find();

        SessionNameEntry? Find() => log.FindSessions(session).Select(at => TryReadName(session, (ulong)at)).FirstOrDefault(e => e is not null);
    }

    private SessionNameEntry? TryReadName(SessionHandle session, ulong place)
    {
        try
        {
            return SessionNameEntry.TryRead(log.ReadPayload(place, LogEntryTypes.Session)) is { } entry && entry.Session == session ? entry : null;
        }
        catch (VmPodException e) when (IsDamage(e))
        {
            return null;
        }
    }

    private PayloadReader NewReader(SessionKeys keys, SessionHandle session) =>
        new(new KeyedCellOpener(new StoreCellSource(Store), keys), session, CachedCells);

    private static bool IsDamage(VmPodException e) => e.ExitCode == ExitCode.Damaged && e is not StorePoisonedException;

    private static VmPodException Broken() =>
        new(ExitCode.Damaged, "The vault's log or keys do not fit together.", "Run podkeeper verify; use a mirror.");
}
