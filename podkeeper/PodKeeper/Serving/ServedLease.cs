using System.Globalization;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Serving;

/// <summary>
/// A lease that this server has in hand: of a link, or parked while its host is out of reach. Parked it keeps its keys and what its host sent, until the
/// host is back, the lease's time is over, or the owner says so.
/// </summary>
/// <remarks>
/// <code>
///   Open, Attach -> of a link --link ends--> parked --Attach--> of a link
///                       |  close, revoke       |  time over, revoke
///                       `--------------------->`--> dropped: keys zeroed; nothing but its name is left
/// </code>
/// Reading is safe from any thread, beside a writer, and beside the drop. Writing is for the link that owns it.
/// </remarks>
internal sealed class ServedLease
{
    private readonly UseCount use = new();
    private readonly Lock writing = new();
    private readonly TimeProvider time;
    private readonly GrantedLease granted;
    private bool isDropped;
    private HostHandler? owner;
    private long heardAt;

    internal ServedLease(GrantedLease granted, ServedHost host, ReleaseLedger ledger, HostHandler owner, TimeProvider time)
    {
        this.granted = granted;
        this.time = time;
        this.owner = owner;
        Host = host;
        Ledger = ledger;
        ChecksCells = granted.ChecksCells;
        IsOpen = granted.IsOpen;
        (Session, LeaseId, Term, Signer) = (granted.Terms.Session, granted.LeaseId, granted.Terms.Term, granted.Signer);
        heardAt = time.GetTimestamp();
    }

    internal ServedHost Host { get; }

    internal ReleaseLedger Ledger { get; }

    internal SessionHandle Session { get; }

    internal ulong LeaseId { get; }

    internal ulong Term { get; }

    internal ReadOnlyMemory<byte> Signer { get; }

    /// <summary>False if it was attached while the pod was locked: no key of it is here.</summary>
    internal bool ChecksCells { get; }

    /// <summary>True if the owner took its keys away: its host may hand in what it has, and nothing else.</summary>
    internal bool IsRevoked { get; init; }

    /// <summary>False if it takes a fork only: the session went on without it, or its owner ended it.</summary>
    internal bool IsOpen { get; }

    /// <summary>Entries and receipts of its host so far.</summary>
    internal int HostEntries { get; set; }

    internal int Receipts { get; set; }

    /// <summary>The link that has it; null while it is parked.</summary>
    internal HostHandler? Owner => Volatile.Read(ref owner);

    internal bool IsDropped => Volatile.Read(ref isDropped);

    /// <summary>How long its host said nothing that counts as a renewal.</summary>
    internal TimeSpan SilentFor => time.GetElapsedTime(Volatile.Read(ref heardAt));

    internal bool IsExpired => IsRevoked || SilentFor >= PodLimits.LeaseTime;

    internal uint ExpiresInMs => IsRevoked || !IsOpen ? 0 : (uint)Math.Max(0, (PodLimits.LeaseTime - SilentFor).TotalMilliseconds);

    internal string LeaseText => LeaseId.ToString("x16", CultureInfo.InvariantCulture);

    internal void Renew() => Volatile.Write(ref heardAt, time.GetTimestamp());

    /// <summary>Gives it to a link. The one that had it is told by its next request.</summary>
    internal void GiveTo(HostHandler? link)
    {
        lock (writing)
        {
            Volatile.Write(ref owner, link);
            Renew();
        }
    }

    /// <summary>Parks it, if this link still has it: its time begins.</summary>
    internal void TakeFrom(HostHandler link)
    {
        lock (writing)
        {
            if (owner != link)
                return;
            Volatile.Write(ref owner, null);
            Renew();
        }
    }

    /// <summary>As <see cref="GrantedLease.Release"/>; refused too once it is dropped or its time is over.</summary>
    internal ReleaseOutcome Release(in CellId id, Span<byte> key, Span<byte> cell)
    {
        if (!IsExpired && use.TryEnter())
        {
            try
            {
                return granted.Release(id, key, cell);
            }
            finally
            {
                use.Exit();
            }
        }
        key.Clear();
        cell.Clear();
        return ReleaseOutcome.Refused;
    }

    /// <summary>Takes a cell in.</summary>
    internal void Take(HostHandler by, ReadOnlySpan<byte> cell)
    {
        lock (writing)
        {
            Enter(by);
            try
            {
                granted.Take(cell);
            }
            finally
            {
                use.Exit();
            }
        }
    }

    /// <summary>Writes.</summary>
    internal T Write<T>(HostHandler by, Func<GrantedLease, T> act)
    {
        lock (writing)
        {
            Enter(by);
            try
            {
                return act(granted);
            }
            finally
            {
                use.Exit();
            }
        }
    }

    /// <summary>Where its newest commit stands, as <see cref="GrantedLease.Newest"/>.</summary>
    internal (ulong Number, Digest Hash, long Offset) Newest() => granted.Newest;

    /// <summary>Zeroes its keys, after <paramref name="last"/>; when this returns, no key of it leaves any more. False if that was done before.</summary>
    internal bool Drop(Action<GrantedLease> last)
    {
        if (!use.Close())
            return false;
        Volatile.Write(ref isDropped, true);
        try
        {
            last(granted);
        }
        finally
        {
            granted.Dispose();
        }
        return true;
    }

    /// <summary>An entry about it.</summary>
    internal AuditEvent Event(AuditKind kind, AuditOutcome outcome) => new(kind, outcome)
    {
        Actor = Host.Actor,
        Session = Session.ToString(),
        Detail = { ["lease"] = LeaseText },
    };

    private void Enter(HostHandler by)
    {
        if (owner != by || !use.TryEnter())
            throw new VmPodException(ExitCode.Busy,
                "This link does not have the lease any more: another link of this host took it, or the owner revoked it.", "Connect again.");
    }
}
