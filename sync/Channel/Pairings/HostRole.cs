namespace VmPod.Sync.Channel.Pairings;

/// <summary>What the pod's owner said that a host is. The pod decides it when pairing is opened; the host is told.</summary>
public enum HostRole
{
    /// <summary>Trusted: syncs with a locked pod too, and reads the sessions that it is given.</summary>
    Home = 1,

    /// <summary>Not trusted beyond one lease at a time.</summary>
    Foreign = 2,

    /// <summary>No host but another pod, whose mirror is kept: it reads and writes that mirror, and nothing else (S-172).</summary>
    Mirror = 3,
}
