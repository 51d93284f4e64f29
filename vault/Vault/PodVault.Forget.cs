using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.House;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault;

/// <summary>Letting generations go (V-160, V-166): an entry that the owner signs, and nothing else, drops one. What that frees is gc's.</summary>
public sealed partial class PodVault
{
    // Entries of one commit of the store: far below what a walk of the log takes for one.
    private const int ForgetsOfOneCommit = 1024;

    // 300 bytes each.
    private const int SoundForgetsMax = 65_536;

    private readonly Dictionary<long, ForgetEntry> soundForgets = [];
    private readonly CheckedForgets checkedForgets;
    private byte[] forgetsOwner = [];

    /// <summary>What these rules would let go of a session.</summary>
    /// <exception cref="VmPodException">No such session (3), locked (4), the log is damaged, so that it cannot be told what would be freed (5).</exception>
    public ForgetPlan PlanForget(string name, KeepRules rules)
    {
        SessionSummary session = FindSession(name);
        IReadOnlyList<GenerationInfo> all = ListGenerations(session.Handle);
        HashSet<ulong> kept = rules.Keep(all);
        Dictionary<Digest, string> mustStay = MustStay(session.Handle, all);
        GenerationInfo[] unkept = [.. all.Where(g => !kept.Contains(g.Record.Generation))];
        return PlanOf(session.Handle, [.. unkept.Where(g => !mustStay.ContainsKey(g.Hash) && g.Trust != CommitTrust.Pending)], [],
            [.. unkept.Where(g => mustStay.ContainsKey(g.Hash) || g.Trust == CommitTrust.Pending)
                .Select(g => (g.Record.Generation, mustStay.GetValueOrDefault(g.Hash, "nobody has looked into it yet")))]);
    }

    /// <summary>Generations and forks by name.</summary>
    /// <exception cref="VmPodException">No such session, generation or fork (3). Locked, or one of them must stay (4). One is damaged (5).</exception>
    public ForgetPlan PlanForget(string name, IReadOnlyList<ulong> generations, IReadOnlyList<ulong> forks)
    {
        SessionSummary session = FindSession(name);
        IReadOnlyList<GenerationInfo> all = ListGenerations(session.Handle);
        Dictionary<Digest, string> mustStay = MustStay(session.Handle, all);
        GenerationInfo[] gone = [.. generations.Distinct().Order().Select(number => InfoOf(FindCommit(name, session, number)))];
        if (gone.FirstOrDefault(g => mustStay.ContainsKey(g.Hash)) is { } stays)
        {
            throw new VmPodException(ExitCode.Refused, $"{name}@{stays.Record.Generation} cannot be forgotten: {mustStay[stays.Hash]}.",
                "Nothing was forgotten.");
        }
        HashSet<ulong> wanted = [.. forks];
        foreach (ulong fork in wanted)
            _ = FindFork(name, session.Handle, fork);
        ForkInfo[] gonForks = [.. ListForks(session.Handle).Where(f => wanted.Contains(f.LeaseId))];
        if (gonForks.FirstOrDefault(f => mustStay.ContainsKey(f.Hash)) is { } fork2)
        {
            throw new VmPodException(ExitCode.Refused, $"{ForkName.Of(fork2.LeaseId)} cannot be forgotten: {mustStay[fork2.Hash]}.",
                "Nothing was forgotten.");
        }
        return PlanOf(session.Handle, gone, gonForks, []);
    }

    /// <summary>Forgets what a plan names: durably, signed by the owner's key, all of it or (beyond a thousand) a part.</summary>
    /// <exception cref="VmPodException">Locked, or something of it must stay now (4). No space (8).</exception>
    public void Forget(ForgetPlan plan)
    {
        lock (gate)
        {
            Dictionary<Digest, string> mustStay = MustStay(plan.Session, ListGenerations(plan.Session));
            var commits = plan.Generations.Select(g => new SupersededCommit(plan.Session, g.Offset, g.Hash))
                .Concat(plan.Forks.Select(f => new SupersededCommit(plan.Session, f.Offset, f.Hash))).ToList();
            if (commits.Any(c => mustStay.ContainsKey(c.Hash)))
                throw new VmPodException(ExitCode.Refused, "Something that was to be forgotten is needed now.", "Look at sessions, and try again.");
            foreach (SupersededCommit[] part in commits.Chunk(ForgetsOfOneCommit))
                Store.Commit(ForgetsOf(part), context => Draft(context, context.Previous!.Find(plan.Session.Value) ?? throw Broken()));
        }
    }

    private List<PendingEntry> ForgetsOf(IEnumerable<SupersededCommit> commits)
    {
        return [.. commits.Select(c => new PendingEntry(LogEntryTypes.Forget,
            ForgetEntry.Create(c.Session, c.Offset, c.Hash, NowMs(), owner ?? throw Locked(), Descriptor.VaultId).ToBytes()))];
    }

    // V-166: the newest; the newest that can be relied on; the checkpoint that the newest goes back to, the newest one, and
    // the newest one that can be relied on; what an open lease began from.
    private Dictionary<Digest, string> MustStay(SessionHandle session, IReadOnlyList<GenerationInfo> all)
    {
        var stays = new Dictionary<Digest, string>();
        SessionEntry? row = Store.Head.Find(session.Value);
        if (row is null)
            return stays;
        Keep(row.GenerationHash, "it is the session's newest");
        Keep(row.TipHash, "it is the session's newest");
        Keep(all.LastOrDefault(g => g.Trust is not (CommitTrust.Refused or CommitTrust.Pending))?.Hash, "it is the newest that can be relied on");
        GenerationInfo[] checkpoints = [.. all.Where(g => g.Record.Kind == GenerationKind.Checkpoint && g.Trust != CommitTrust.Refused)];
        Keep(FindCheckpoint(session)?.Hash, "it is the checkpoint that the newest goes back to");
        Keep(checkpoints.LastOrDefault()?.Hash, "it is the last checkpoint");
        Keep(checkpoints.LastOrDefault(g => g.Trust != CommitTrust.Pending)?.Hash, "it is the last checkpoint that can be relied on");
        if (row.LeaseState == LeaseState.Open)
            Keep(log.FindLease(session, row.LeaseId)?.Base, "the lease that is open began from it");
        return stays;

        void Keep(Digest? hash, string why)
        {
            if (hash is { } known && known != Digest.Zero)
                stays.TryAdd(known, why);
        }
    }

    private ForgetPlan PlanOf(SessionHandle session, IReadOnlyList<GenerationInfo> generations, IReadOnlyList<ForkInfo> forks,
        IReadOnlyList<(ulong, string)> stays)
    {
        HashSet<Digest> gone = [.. generations.Select(g => g.Hash), .. forks.Select(f => f.Hash)];
        long before = FindNeeded([]).Cells.Count, after = gone.Count == 0 ? before : FindNeeded(gone).Cells.Count;
        return new ForgetPlan(session, generations, forks, stays, before - after);
    }

    private bool IsForgotten(FoundCommit commit) => log.FindForgets(commit.Record.Session, commit.Offset).Any(at => ForgetAt(at)?.CommitHash == commit.Hash);

    // The commits of a session that were let go: by a look at the whole log, so that none of them is listed.
    private HashSet<Digest> ForgottenOf(SessionHandle session) =>
        [.. log.AllForgets(session).Select(ForgetAt).OfType<ForgetEntry>().Where(f => f.Session == session).Select(f => f.CommitHash)];

    private void LoadCheckedForgets(SecretBuffer key, byte[] ownerKey)
    {
        lock (soundForgets)
            checkedForgets.Load(key, ownerKey);
    }

    private void SaveCheckedForgets()
    {
        if (access != StoreAccess.Write || vaultKey is not { } key)
            return;
        lock (soundForgets)
            checkedForgets.Save(key);
    }

    // A signature is looked at once (V-171), since a list wants all of them: they were most of its time.
    private ForgetEntry? ForgetAt(long offset)
    {
        if (offset >= forgetsBefore || OwnerKey() is not { } ownerKey)
            return null;
        lock (soundForgets)
        {
            // An unlock may show that the log names another owner than the vault has.
            if (!ownerKey.AsSpan().SequenceEqual(forgetsOwner))
            {
                soundForgets.Clear();
                forgetsOwner = ownerKey;
            }
            else if (soundForgets.TryGetValue(offset, out ForgetEntry? known))
                return known;
        }
        try
        {
            LogEntry entry = Store.ReadEntry(offset);
            if (entry.Header.Type != LogEntryTypes.Forget || ForgetEntry.TryRead(entry.Payload.Span) is not { } forget)
                return null;
            bool isChecked;
            lock (soundForgets)
                isChecked = checkedForgets.Has(entry.Hash, ownerKey);
            if (!isChecked && !SigningKey.Verify(ownerKey, forget.SignedBytes(Descriptor.VaultId), forget.OwnerSignature))
                return null;
            lock (soundForgets)
            {
                checkedForgets.Add(entry.Hash, ownerKey);
                if (soundForgets.Count < SoundForgetsMax && ownerKey.AsSpan().SequenceEqual(forgetsOwner))
                    soundForgets[offset] = forget;
            }
            return forget;
        }
        catch (VmPodException e) when (IsDamage(e))
        {
            return null;
        }
    }

    private static VmPodException Gone(string name, string which) => new(ExitCode.NotFound, $"{which} of session {name} was forgotten.",
        "podkeeper sessions DIR SESSION lists what there is.");
}
