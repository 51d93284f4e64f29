using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>
/// A lease that another machine holds, as the pod sees it: releases keys of single cells, takes cells and commits in, and trusts the other machine with
/// nothing else (rules 19, 25, 29 and 31).
/// </summary>
/// <remarks>
/// What it may read is frozen when the lease begins: the live cells of the generation it goes on from, and what it wrote itself. What it commits may name
/// of older cells only those; this is checked without any key. It keeps its keys while the vault is locked (rule 33). Reading is safe from any thread;
/// taking in is one thread's.
/// </remarks>
public sealed class GrantedLease : IDisposable
{
    private readonly PodVault vault;
    private readonly LeaseEntry entry;
    private readonly SessionKeys? keys;
    private readonly LeaseKeys? own;
    private readonly Lazy<LiveSet> readable;
    private readonly LockedMemory work;
    private HashSet<CellId> taken = [];
    private HashSet<CellId> settled = [];       // taken for the last commit: the one that replaces it names them again
    private readonly long cellsMax;
    private readonly bool isForeign;
    private LiveSet? live;
    private Standing last;
    private bool lastIsPending;
    private bool isAppending;
    private int disposed;

    internal GrantedLease(PodVault vault, string? name, LeaseEntry entry, LeaseTerms terms, SessionKeys? keys, SecretBuffer? leaseKey, Standing start,
        long cellsMax, bool isOpen = true, bool isForeign = false, bool isTakenUp = false)
    {
        IsOpen = isOpen;
        this.isForeign = isForeign;
        this.vault = vault;
        this.entry = entry;
        this.keys = keys;
        this.cellsMax = cellsMax;
        Name = name;
        Terms = terms;
        LeaseKey = leaseKey;
        last = start;
        lastIsPending = isOpen && vault.IsPending(start.Offset, start.Hash);
        own = keys?.Find(entry.LeaseId);
        work = new LockedMemory(CellLayout.HeaderBytes + CellLayout.Capacity(vault.Descriptor.CellBytes));
        Base = start.Commit is null ? null : vault.BaseOf(start.Commit, start.Hash, start.Offset);
        readable = new Lazy<LiveSet>(() => vault.LiveSetOf(start.Offset, start.Hash));
        // What its host sent before, and no commit names yet, can stand in the store still. The host is told that it is there and does not send it again: from
        // now on no other lease may cut it off.
        if (isTakenUp)
            vault.BeginAppending(this);
        isAppending = isTakenUp;
    }

    /// <summary>Where a lease's line stands: its newest commit, or the one that it goes on from.</summary>
    internal readonly record struct Standing(CommitEntry? Commit, Digest Hash, long Offset)
    {
        public ulong Number => Commit?.Record.Number ?? 0;
    }

    /// <summary>False if the session went on without it, or its owner ended it: then nothing is released, and a commit becomes its fork.</summary>
    public bool IsOpen { get; }

    /// <summary>The session's name; null if the vault was locked when the lease was attached.</summary>
    public string? Name { get; }

    /// <summary>The lease as its commits must describe it.</summary>
    public LeaseTerms Terms { get; }

    /// <summary>The lease's id.</summary>
    public ulong LeaseId => entry.LeaseId;

    /// <summary>The host that it was granted to.</summary>
    public UInt128 Host => entry.Host;

    /// <summary>The public key, 32 bytes, that its commits are signed with.</summary>
    public ReadOnlyMemory<byte> Signer => entry.PublicKey;

    /// <summary>K_lease, to be handed to the host: 32 bytes. Null where the lease was attached again. Owned by this object.</summary>
    public SecretBuffer? LeaseKey { get; }

    /// <summary>The commit that it goes on from. Null for a new session.</summary>
    public BaseCommit? Base { get; }

    /// <summary>Number, hash and place of the newest commit under this lease (of its fork, if it is not open); zero if there is none.</summary>
    public (ulong Number, Digest Hash, long Offset) Newest =>
        last.Commit is { } commit && commit.Record.LeaseId == LeaseId ? (commit.Record.Number, last.Hash, last.Offset) : default;

    /// <summary>True if cells can be opened and so T is checked as they come in. False after an attach to a locked vault.</summary>
    public bool ChecksCells => own is not null;

    /// <summary>Cells taken in under this lease since it was granted or attached.</summary>
    public long CellsTaken { get; private set; }

    /// <summary>Reads a cell and derives its key, if the lease may read it.</summary>
    /// <param name="id">The cell.</param>
    /// <param name="key">Gets K_rec, 32 bytes of locked memory; zero unless released.</param>
    /// <param name="cell">Gets the cell; its header names the key, so it is read from the pod's own store (rule 25).</param>
    public ReleaseOutcome Release(in CellId id, Span<byte> key, Span<byte> cell)
    {
        key.Clear();
        try
        {
            if (!vault.Store.TryRead(id, cell))
                return ReleaseOutcome.Absent;
        }
        catch (DamagedCellException)
        {
            return ReleaseOutcome.Damaged;
        }
        if (IsOpen && keys is not null && CellHeader.TryRead(cell, out CellHeader header) && header.Suite == vault.Descriptor.Suite
            && (header.KeyId == LeaseId || readable.Value.Contains(id))
            && keys.Find(header.KeyId) is { } leaseKeys)
        {
            CellCipher.DeriveRecordKey(leaseKeys, cell, key);
            return ReleaseOutcome.Released;
        }
        cell.Clear();
        return ReleaseOutcome.Refused;
    }

    /// <summary>Takes in a cell that the host made under this lease. Durable after <see cref="Flush"/>, kept after <see cref="Commit"/>.</summary>
    /// <exception cref="VmPodException">It is not a cell of this lease, or T is not over what it holds (4). The lease's quota is used up, or no space
    /// (8).</exception>
    public void Take(ReadOnlySpan<byte> cell)
    {
        if (cell.Length != vault.Descriptor.CellBytes || !CellHeader.TryRead(cell, out CellHeader header) || header.Suite != vault.Descriptor.Suite
            || header.KeyId != LeaseId)
            throw Refused("sent a cell that is not of its lease");
        if (CellsTaken >= cellsMax)
            throw new VmPodException(ExitCode.NoSpace, $"The lease has sent {cellsMax} cells, which is its quota.", "End it and resume again.");
        if (own is not null && !IsSound(own, cell))
            throw Refused("sent a cell that does not open, or whose T is not over what it holds");
        if (!isAppending)
            vault.BeginAppending(this);
        isAppending = true;
        CellId id = CellId.Of(cell);
        vault.Store.Append(id, cell);
        taken.Add(id);
        CellsTaken++;
    }

    /// <summary>Makes all cells that were taken in durable.</summary>
    public void Flush() => vault.Store.Flush();

    /// <summary>True if the vault has a cell, committed or taken in.</summary>
    public bool Has(in CellId id) => taken.Contains(id) || vault.Store.Contains(id);

    /// <summary>Checks a commit of the host, without a key, and makes it the session's newest; or the fork of this lease, if it is not open. One that was
    /// taken before, as either, is not taken twice.</summary>
    /// <exception cref="VmPodException">It names cells that the lease may not name, is not signed by it, or does not follow from its last one; or the lease
    /// left another fork (4). The lease was ended meanwhile (6). No space, too many forks (8).</exception>
    public (Digest Hash, long Offset) Commit(CommitEntry commit, bool close)
    {
        CommitRecord record = commit.Record;
        if (record.VaultId != Terms.VaultId || record.Session != Terms.Session || record.LeaseId != LeaseId || record.Term != Terms.Term
            || record.SessionOffset != Terms.SessionOffset || record.LeaseOffset != Terms.LeaseOffset)
            throw Refused("sent a commit that does not describe its lease");
        if (!SigningKey.Verify(entry.PublicKey, record.ToSignedBytes(), commit.Signature))
            throw Refused("sent a commit that its lease did not sign");
        bool replaces = last.Commit is not null && record.Parent != last.Hash;
        LiveSet before = IsOpen ? LiveBefore(record)
            : vault.LiveBeforeFork(record, entry) ?? throw Refused("handed in a fork that goes on from nothing its lease had");
        LiveSet after = before.Clone();
        byte[] cell = new byte[vault.Descriptor.CellBytes];
        // What this object did not check as it came, nobody did: it may have come while the pod was locked.
        bool isUnchecked = isForeign || own is null || lastIsPending;
        foreach (CellId id in commit.Added)
        {
            bool isTaken = taken.Contains(id) || settled.Contains(id);
            isUnchecked |= !isTaken;
            if (!isTaken && !IsOwnCell(id, cell))
                throw Refused("named a cell as added that it did not send");
            if (!after.Add(id))
                throw Refused("named a cell as added that was there");
        }
        foreach (CellId id in commit.Dropped)
        {
            if (!after.Remove(id))
                throw Refused("named a cell as dropped that was not there");
        }
        if ((ulong)after.Count != record.LiveCount || after.Root() != record.LiveRoot || record.ManifestCells.Any(id => !after.Contains(id)))
            throw Refused("signed another set of cells than its lists give");
        // A host that comes back after weeks: what it goes on from may be forgotten, and freed.
        if (!IsOpen && after.Enumerate().Any(id => !vault.Store.IsKnown(id)))
            throw Refused("handed in a fork that goes on from a generation which was forgotten since");
        (Digest hash, long offset) = IsOpen ? vault.CommitSession(commit, entry, close, isUnchecked)
            : vault.CommitFork(commit, entry, isUnchecked);
        lastIsPending = isUnchecked;
        if (replaces)
            settled.UnionWith(taken);
        else
            settled = taken;
        taken = [];
        last = new Standing(commit, hash, offset);
        live = after;
        vault.EndAppending(this);
        isAppending = false;
        return (hash, offset);
    }

    /// <summary>Forgets the cells that no commit named.</summary>
    public void Discard()
    {
        taken.Clear();
        vault.DiscardCells(this);
        isAppending = false;
    }

    /// <summary>Ends the lease.</summary>
    public void Close() => vault.CloseLease(entry);

    /// <summary>Zeroes the keys. The lease stays open in the vault: its host may come back.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0)
            return;
        vault.EndAppending(this);
        vault.Forget(entry);
        LeaseKey?.Dispose();
        keys?.Dispose();
        work.Dispose();
    }

    // A commit follows from the last one. Or it takes the place of the last one, if the host never heard that it was taken: then both have one parent.
    private LiveSet LiveBefore(CommitRecord record)
    {
        bool firstOfSession = last.Commit is null && record.Parent == Digest.Zero && record.ParentOffset == ulong.MaxValue;
        bool follows = firstOfSession || (record.Parent == last.Hash && record.ParentOffset == (ulong)last.Offset);
        bool replaces = !follows && last.Commit?.Record is { } lost && lost.LeaseId == LeaseId && record.Parent == lost.Parent
            && record.ParentOffset == lost.ParentOffset;
        // A lease may go on from an older generation or a fork: its numbers are above the session's all the same.
        ulong number = Math.Max(last.Number, Terms.LastNumber);
        if ((!follows && !replaces) || record.Number <= number || record.Number - number > FormatLimits.BatchesOfOneCommitMax)
            throw Refused("sent a commit that does not follow from its last one");
        ulong generation = last.Commit?.Record is { } own && own.LeaseId == LeaseId ? own.Generation : Terms.LastGeneration;
        if (record.Generation > generation + 1 || record.Generation + 1 < generation)
            throw Refused("numbered its generation as no successor");
        // Also one that takes the place of the session's first, which goes on from nothing.
        if (firstOfSession || record.ParentOffset == ulong.MaxValue)
            return live = new LiveSet();
        return follows ? live ??= vault.LiveSetOf(last.Offset, last.Hash) : vault.LiveSetOf((long)record.ParentOffset, record.Parent);
    }

    private bool IsSound(LeaseKeys leaseKeys, ReadOnlySpan<byte> cell)
    {
        Span<byte> opened = work.Slice(0, CellLayout.HeaderBytes + CellLayout.Capacity(cell.Length));
        try
        {
            return CellCipher.TryOpen(leaseKeys, cell, opened) && CellCipher.MacIsRight(leaseKeys, cell, opened)
                && CellContent.TryParse(opened[CellLayout.HeaderBytes..], out CellContent content)
                && content.Context.Session == Terms.Session && content.Context.LeaseId == LeaseId;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(opened);
        }
    }

    // After the pod's process was started again it does not remember what was sent; the cell's own header tells.
    private bool IsOwnCell(in CellId id, byte[] cell)
    {
        try
        {
            return vault.Store.TryRead(id, cell) && CellHeader.TryRead(cell, out CellHeader header) && header.KeyId == LeaseId;
        }
        catch (DamagedCellException)
        {
            return false;
        }
    }

    private static VmPodException Refused(string what) => new(ExitCode.Refused, $"The host {what}.",
        "Do not trust this host: podkeeper release DIR SESSION --break ends its lease.");
}
