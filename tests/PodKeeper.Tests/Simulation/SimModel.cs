using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>What hosts signed and what they were told: what the pod must be able to show for ever.</summary>
internal sealed class SimModel
{
    internal static readonly string[] Sessions = ["s0", "s1"];

    private readonly Dictionary<Digest, SimVersion> byHash = [];
    private readonly Dictionary<ulong, SimLease> leases = [];
    private readonly List<SimVersion> versions = [];
    private int contents;

    internal IReadOnlyList<SimVersion> Versions => versions;

    internal int LeaseCount => leases.Count;

    /// <summary>Times that something of a session was forgotten, or so much time passed that what a host holds may be of no use any more.</summary>
    internal int[] Losses { get; } = new int[Sessions.Length];

    internal int NewContent() => ++contents;

    internal SimLease? Lease(ulong id) => leases.GetValueOrDefault(id);

    internal IEnumerable<SimLease> Leases => leases.Values;

    internal SimLease Add(int session, SessionHandle handle, ulong id, ulong term, int host, Digest from) => leases[id] = new SimLease
    {
        Ordinal = leases.Count + 1,
        Id = id,
        Term = term,
        Session = session,
        Handle = handle,
        Host = host,
        Base = from,
    };

    /// <summary>A host signs a commit. One that is handed in again is the same.</summary>
    internal SimVersion Sign(SimLease lease, CommitEntry commit, int[] content)
    {
        var version = new SimVersion(lease, commit, content);
        foreach (Digest hash in version.AsCommit.Concat(version.AsFork))
            byHash[hash] = version;
        versions.Add(version);
        return version;
    }

    internal SimVersion? Find(Digest hash) => byHash.GetValueOrDefault(hash);
}
