namespace VmPod.Sync.Channel;

/// <summary>Who opened the connection. Bound into identity and key, so that a message sent one way is no message of the other way.</summary>
public enum ChannelDirection
{
    /// <summary>The host is the TLS client, the pod the server: every channel today.</summary>
    HostToPod = 1,

    /// <summary>The pod is the TLS client, the host the server.</summary>
    PodToHost = 2,
}
