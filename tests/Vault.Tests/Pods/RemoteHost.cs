using System.Collections.Concurrent;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.Vault.Tests.Pods;

/// <summary>A host that holds a lease of a pod, without the link between them. What it may not do, a subclass or the test does.</summary>
internal sealed class RemoteHost : ILeaseHome, IReleasedCellSource
{
    internal static readonly UInt128 Name = new(9, 9);
    private readonly SecretBuffer seed = SecretBuffer.Random(32);
    private readonly byte[] owner;
    private readonly ConcurrentDictionary<CellId, (byte[] Key, byte[] Cell)> kept = new();

    internal RemoteHost(TestPod pod, string session = TestPod.Session, bool create = false, ulong? generation = null, long cellsMax = 1 << 20,
        ulong? fork = null, UInt128? name = null, bool isForeign = false)
    {
        owner = pod.Vault.OwnerPublicKey!;
        CellBytes = pod.Vault.Descriptor.CellBytes;
        Signer = SigningKey.FromSeed(seed);
        Granted = pod.Vault.GrantLease(session, create, name ?? Name, Signer.PublicKey, generation, tip: false, cellsMax, fork,
            isForeign);
        using SecretBuffer key = SecretBuffer.Create(32, Granted.LeaseKey!.ReadOnlyBytes, static (to, from) => from.CopyTo(to));
        Lease = SessionLease.Open(session, Granted.Terms, key, SigningKey.FromSeed(seed), this, this, Granted.Base, owner, Granted.LeaseId);
    }

    internal GrantedLease Granted { get; set; }

    internal SessionLease Lease { get; }

    internal SigningKey Signer { get; }

    /// <summary>Cells that were fetched, by what became of it.</summary>
    internal List<(CellId Id, ReleaseOutcome Outcome)> Fetched { get; } = [];

    /// <summary>Changes a commit before it is sent.</summary>
    internal Func<CommitEntry, CommitEntry>? Tamper { get; set; }

    /// <summary>Commits are taken, and the host never hears of it.</summary>
    internal bool LosesAnswers { get; set; }

    /// <summary>The pod is gone: cells and commit stay here.</summary>
    internal bool IsAway { get; set; }

    /// <summary>No cell comes but those that came before, while the pod is gone.</summary>
    internal bool ReadsOnlyWhatItHas { get; set; }

    internal List<byte[]> RestCells { get; } = [];

    internal CommitEntry? RestCommit { get; private set; }

    public int CellBytes { get; }

    public ulong NowMs() => 1_700_000_000_000;

    public void Append(in CellId id, ReadOnlySpan<byte> cell)
    {
        kept[id] = ([], cell.ToArray());
        if (IsAway)
            RestCells.Add(cell.ToArray());
        else
            Granted.Take(cell);
    }

    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        if (IsAway)
        {
            RestCommit = commit;
            return (DomainHash.OfEntry(LogEntryTypes.Commit, commit.ToBytes()), long.MaxValue);
        }
        (Digest Hash, long Offset) place = Granted.Commit(Tamper?.Invoke(commit) ?? commit, close);
        return LosesAnswers ? throw new VmPodException(ExitCode.LinkLost, "The link is lost.") : place;
    }

    public void Discard() => Granted.Discard();

    public void Close() => Granted.Close();

    public bool TryTakeOwn(in CellId id, Span<byte> cell) =>
        kept.TryGetValue(id, out (byte[] Key, byte[] Cell) own) && own.Key.Length == 0 && own.Cell.AsSpan().TryCopyTo(cell);

    public void Fetch(in CellId id, Span<byte> key, Span<byte> cell)
    {
        if (IsAway && ReadsOnlyWhatItHas)
        {
            if (!kept.TryGetValue(id, out (byte[] Key, byte[] Cell) known))
                throw new VmPodException(ExitCode.LinkLost, "The pod is gone.");
            known.Key.CopyTo(key);
            known.Cell.CopyTo(cell);
            return;
        }
        ReleaseOutcome outcome = Granted.Release(id, key, cell);
        kept[id] = (key.ToArray(), cell.ToArray());
        lock (Fetched)
            Fetched.Add((id, outcome));
        if (outcome != ReleaseOutcome.Released)
            throw new VmPodException(ExitCode.Refused, $"The cell was not given: {outcome}.");
    }

    /// <summary>A copy of K_lease, which the host has for as long as it holds the lease.</summary>
    internal SecretBuffer? LeaseKeyCopy { get; private set; }

    internal void KeepLeaseKey() => LeaseKeyCopy ??= SecretBuffer.Create(32, Granted.LeaseKey!.ReadOnlyBytes, static (to, from) => from.CopyTo(to));

    /// <summary>Comes back with what stayed here, as another process of the same host.</summary>
    internal (Digest Hash, long Offset) HandIn(PodVault vault, CommitEntry? commit = null, IEnumerable<byte[]>? cells = null)
    {
        using GrantedLease again = vault.AttachLease(Lease.Session, Lease.LeaseId, Lease.Term, Granted.Host, 1 << 20);
        try
        {
            foreach (byte[] cell in cells ?? RestCells)
                again.Take(cell);
            return again.Commit(commit ?? RestCommit!, close: true);
        }
        catch
        {
            again.Discard();
            throw;
        }
    }

    /// <summary>Signs a record anew, as a host can that holds the lease's key.</summary>
    internal CommitEntry Sign(CommitRecord record, CellId[] added, CellId[] dropped)
    {
        CommitRecord whole = record with
        {
            AddedCount = (uint)added.Length,
            AddedHash = CommitRecord.HashOfIds(added),
            DroppedCount = (uint)dropped.Length,
            DroppedHash = CommitRecord.HashOfIds(dropped),
        };
        byte[] signature = new byte[SigningKey.SignatureBytes];
        Signer.Sign(whole.ToSignedBytes(), signature);
        return new CommitEntry(whole, signature, added, dropped);
    }

    void IDisposable.Dispose()
    {
        // The lease disposes its home; what is ours goes with the test's own Dispose.
    }

    internal void End()
    {
        Lease.Dispose();
        Granted.Dispose();
        LeaseKeyCopy?.Dispose();
        Signer.Dispose();
        seed.Dispose();
    }
}
