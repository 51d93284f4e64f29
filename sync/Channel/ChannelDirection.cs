namespace VmPod.Sync.Channel;

/// <summary>Who opened the connection. Bound into identity and key, so that a message sent one way is no message of the other way.</summary>
public enum ChannelDirection
{
    /// <summary>A host is the TLS client, a pod the server.</summary>
    HostToPod = 1,

    /// <summary>A pod is the TLS client, the pod that keeps its mirror the server.</summary>
    PodToPod = 2,
}
