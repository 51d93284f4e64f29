namespace VmPod.Sync.Wire;

/// <summary>The two ends of a link.</summary>
#pragma warning disable CA1008 // no role is zero: zeros are refused
public enum WireRole : byte
{
    /// <summary>hostguard: asks.</summary>
    Host = 1,

    /// <summary>podkeeper: answers.</summary>
    Pod = 2,
}
