using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A commit that a host signed, and what it holds by the host's own account.</summary>
internal sealed class SimVersion
{
    internal SimVersion(SimLease lease, CommitEntry commit, int[] content)
    {
        (Lease, Content) = (lease, content);
        (Number, Kind, Parent) = (commit.Record.Number, commit.Record.Kind, commit.Record.Parent);
        byte[] bytes = commit.ToBytes();
        // The type of its entry is the pod's to say.
        AsCommit = [DomainHash.OfEntry(LogEntryTypes.Commit, bytes), DomainHash.OfEntry(LogEntryTypes.PendingCommit, bytes)];
        AsFork = [DomainHash.OfEntry(LogEntryTypes.Fork, bytes), DomainHash.OfEntry(LogEntryTypes.PendingFork, bytes)];
    }

    internal SimLease Lease { get; }

    internal ulong Number { get; }

    internal GenerationKind Kind { get; }

    internal Digest Parent { get; }

    internal Digest[] AsCommit { get; }

    internal Digest[] AsFork { get; }

    /// <summary>Of each file, the number of its content; 0 for zeros.</summary>
    internal int[] Content { get; }

    /// <summary>Where the pod said that it stands; null before it said so.</summary>
    internal (Digest Hash, long Offset)? Told { get; set; }

    internal bool IsForgotten { get; set; }

    internal bool IsToldFork => Told is { } told && AsFork.Contains(told.Hash);

    public override string ToString() => $"{Kind} {Number} of {Lease}";
}
