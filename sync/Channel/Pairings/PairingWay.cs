namespace VmPod.Sync.Channel.Pairings;

/// <summary>How host and pod got to know each other.</summary>
public enum PairingWay
{
    /// <summary>A code that the pod showed was given to the host.</summary>
    Code = 1,

    /// <summary>A person compared six digits on both screens.</summary>
    Digits = 2,
}
