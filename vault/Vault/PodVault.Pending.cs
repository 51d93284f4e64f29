using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>
/// Commits that nobody with keys has looked into (rule 29, V-96 to V-99): those of foreign hosts, and those that came while the vault was locked. They are
/// looked into once there are keys; until then no lease starts from one without the owner's word.
/// </summary>
public sealed partial class PodVault
{
    /// <summary>What of a session could be started from or read and is not looked into yet, oldest first: generations, forks, a tip that is a draft. Needs
    /// no key.</summary>
    public IReadOnlyList<PendingInfo> ListPending(SessionHandle session)
    {
        // Only what was pending once is read: of ten thousand generations most were not.
        IEnumerable<FoundCommit> all = log.AllPending(session).Select(offset => TryReadCommit(offset) ?? TryReadCommit(offset, isFork: true))
            .OfType<FoundCommit>().Where(c => c.Record.Session == session && IsSigned(c.Entry) && !IsForgotten(c));
        if (Store.Head.Find(session.Value) is { } row && row.TipOffset != row.GenerationOffset && TryReadCommit(row.TipOffset, row.TipHash) is { } tip)
            all = all.Append(tip);
        return [.. all.Select(Describe).Where(p => p.Trust is CommitTrust.Pending or CommitTrust.Accepted)];
    }

    /// <summary>What a lease (or a reader) would start from, if that is not looked into yet; else null. No such session or generation: null.</summary>
    /// <exception cref="VmPodException">Locked (4), damaged (5).</exception>
    public PendingInfo? PendingBase(string name, ulong? generation = null, bool tip = false, ulong? fork = null)
    {
        try
        {
            if (TryFindSession(name) is not { } session)
                return null;
            FoundCommit commit = WhichCommit(name, session, new LeaseBegin(generation, tip, fork));
            return TrustIn(commit) is CommitTrust.Pending or CommitTrust.Accepted ? Describe(commit) : null;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.NotFound)
        {
            return null;
        }
    }

    /// <summary>Opens what is needed to look into a pending commit. It has keys of its own: the vault may be locked meanwhile.</summary>
    /// <exception cref="VmPodException">Locked (4), the commit or its session is damaged (5).</exception>
    public CommitCheck BeginCheck(PendingInfo pending)
    {
        lock (gate)
        {
            byte[] ownerKey = (owner ?? throw Locked()).PublicKey;
            FoundCommit commit = TryReadCommit(pending.Offset, pending.Hash) ?? throw Broken();
            FoundCommit? trusted = Trusted(commit);
            SessionHandle session = commit.Record.Session;
            var keys = new SessionKeys(Descriptor, session,
                NameEntry(session, commit.Record.SessionOffset)?.UnwrapKey(vaultKey!, Descriptor.VaultId) ?? throw Broken(), log);
            return new CommitCheck(this, BaseOf(commit.Entry, commit.Hash, commit.Offset),
                trusted is null ? null : BaseOf(trusted.Entry, trusted.Hash, trusted.Offset), ownerKey, keys, NewReader(keys, session));
        }
    }

    /// <summary>Writes down, durably and signed by the owner's key, what was found of a pending commit, or that the owner accepts it.</summary>
    /// <exception cref="VmPodException">Locked (4). It was refused before, and cannot be accepted (5).</exception>
    public void WriteVerdict(PendingInfo pending, CommitTrust trust)
    {
        lock (gate)
        {
            SigningKey signer = owner ?? throw Locked();
            FoundCommit commit = TryReadCommit(pending.Offset, pending.Hash) ?? throw Broken();
            CommitTrust now = TrustIn(commit);
            if (now is CommitTrust.Sound or CommitTrust.Refused || now == trust)
                return;
            var verdict = new VerdictEntry(commit.Record.Session, (ulong)commit.Offset, commit.Hash, trust, NowMs(), new byte[SigningKey.SignatureBytes]);
            signer.Sign(verdict.SignedBytes(Descriptor.VaultId), verdict.OwnerSignature);
            Store.Commit([new PendingEntry(LogEntryTypes.Verdict, verdict.ToBytes())],
                context => Draft(context, context.Previous!.Find(verdict.Session.Value) ?? throw Broken()));
        }
    }

    /// <summary>How far a session's newest commit may be relied on, be it a draft. Needs no key.</summary>
    public CommitTrust TrustOfTip(SessionHandle session) =>
        Store.Head.Find(session.Value) is { TipOffset: >= 0 } row && TryReadCommit(row.TipOffset, row.TipHash) is { } tip ? TrustIn(tip) : CommitTrust.Sound;

    /// <summary>True if nothing was found of a commit yet, whatever its owner said.</summary>
    public bool IsUndecided(PendingInfo pending) =>
        TryReadCommit(pending.Offset, pending.Hash) is { } commit && TrustIn(commit) is CommitTrust.Pending or CommitTrust.Accepted;

    /// <summary>How far the commit at a place may be relied on; false for none there, and for one that is not pending.</summary>
    internal bool IsPending(long offset, Digest hash) => offset >= 0 && TryReadCommit(offset, hash) is { } commit && TrustIn(commit) == CommitTrust.Pending;

    private CommitTrust TrustIn(FoundCommit commit)
    {
        if (!commit.IsMarked)
            return CommitTrust.Sound;
        CommitTrust trust = CommitTrust.Pending;
        foreach (long offset in log.FindVerdicts(commit.Record.Session, commit.Offset))
        {
            if (TryReadVerdict(offset) is not { } verdict || verdict.CommitHash != commit.Hash)
                continue;
            // What was found counts, whatever was said before or after it.
            if (verdict.Trust == CommitTrust.Refused)
                return CommitTrust.Refused;
            if (trust != CommitTrust.Sound)
                trust = verdict.Trust;
        }
        return trust;
    }

    private VerdictEntry? TryReadVerdict(long offset)
    {
        try
        {
            LogEntry entry = Store.ReadEntry(offset);
            return entry.Header.Type == LogEntryTypes.Verdict && VerdictEntry.TryRead(entry.Payload.Span) is { } verdict && OwnerKey() is { } ownerKey
                && SigningKey.Verify(ownerKey, verdict.SignedBytes(Descriptor.VaultId), verdict.OwnerSignature) ? verdict : null;
        }
        catch (VmPodException e) when (IsDamage(e))
        {
            return null;
        }
    }

    private PendingInfo Describe(FoundCommit commit)
    {
        CommitRecord record = commit.Record;
        string name = TryFindFork(record.Session, record.LeaseId)?.Hash == commit.Hash ? "@" + ForkName.Of(record.LeaseId)
            : record.Kind == GenerationKind.Draft ? "the tip" : $"@{record.Generation}";
        return new PendingInfo(record, name, commit.Offset, commit.Hash, TrustIn(commit));
    }

    private void MustBeTrusted(string name, FoundCommit commit)
    {
        MustNotBeRefused(name, commit);
        if (TrustIn(commit) != CommitTrust.Pending)
            return;
        string which = Describe(commit).Name;
        throw new VmPodException(ExitCode.Refused,
            $"{(which == "the tip" ? "The tip" : which)} of session {name} is pending: a foreign host wrote it, or it came while the pod was locked, and "
                + "nobody has looked into it yet.",
            $"An unlocked pod looks into it by itself; podkeeper accept DIR {name}{(which == "the tip" ? "" : which)} starts from it without that.");
    }

    private void MustNotBeRefused(string name, FoundCommit commit)
    {
        if (TrustIn(commit) != CommitTrust.Refused)
            return;
        ulong sound = ListGenerations(commit.Record.Session).LastOrDefault(g => g.Trust != CommitTrust.Refused)?.Record.Generation ?? 0;
        throw new VmPodException(ExitCode.Damaged,
            $"{Describe(commit).Name} of session {name} was looked into and refused: its host wrote something that is not what it says.",
            sound == 0 ? "The session has no other generation." : $"Go on from {name}@{sound}.");
    }
}
