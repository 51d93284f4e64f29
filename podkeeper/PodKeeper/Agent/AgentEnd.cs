namespace VmPod.PodKeeper.Agent;

/// <summary>Why a key agent ended.</summary>
public enum AgentEnd
{
    /// <summary>Its user locked the pod.</summary>
    Asked,

    /// <summary>Nobody asked for the key for too long.</summary>
    Idle,

    /// <summary>The pod's folder is gone, or is another vault's.</summary>
    FolderGone,

    /// <summary>The process was told to stop.</summary>
    Stopped,
}
