namespace VmPod.PodKeeper;

/// <summary>Every bound of this project, with its reason.</summary>
public static class PodLimits
{
    /// <summary>Fewest bytes of a passphrase. Without a TPM whoever has the folder may guess as fast as he can buy machines, so a PIN
    /// protects nothing.</summary>
    public const int PassphraseBytesMin = 12;

    /// <summary>How long the key agent keeps an unused key: a working day.</summary>
    public static readonly TimeSpan AgentIdle = TimeSpan.FromHours(8);

    /// <summary>How often the key agent looks whether the pod is still there: a pulled pod is noticed within this.</summary>
    internal static readonly TimeSpan AgentWatch = TimeSpan.FromSeconds(1);

    /// <summary>How long one of the two ends of the agent's socket waits for the other. They exchange 34 bytes on one machine.</summary>
    internal static readonly TimeSpan AgentPatience = TimeSpan.FromSeconds(2);

    /// <summary>How long a reader waits for another reader that is just writing to the audit log; one entry takes milliseconds.</summary>
    internal static readonly TimeSpan AuditPatience = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of a path that a Unix socket may have (sun_path, with its final zero).</summary>
    internal const int SocketPathMax = 107;

    /// <summary>Damaged chunks that a deep verification names; it counts them all.</summary>
    public const int DamagedChunksListed = 1000;
}
