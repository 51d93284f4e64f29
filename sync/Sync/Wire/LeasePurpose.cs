namespace VmPod.Sync.Wire;

/// <summary>What a lease is opened for: the pod's log says it to the owner.</summary>
#pragma warning disable CA1008 // no purpose is zero: zeros are refused
public enum LeasePurpose : byte
{
    /// <summary>The session runs on the host.</summary>
    Resume = 1,

    /// <summary>The host only writes: a put, or a residue.</summary>
    Put = 2,

    /// <summary>The host only reads.</summary>
    Get = 3,
}
