namespace VmPod.Vault.Cells;

/// <summary>What a vault is to a witness.</summary>
public enum WitnessVerdict
{
    /// <summary>Its newest head is the one that was seen.</summary>
    Same,

    /// <summary>It went on from there.</summary>
    Newer,

    /// <summary>It is an older state: it was rolled back, or is an old copy.</summary>
    Older,

    /// <summary>It has another history: it went on from an older state, elsewhere.</summary>
    Forked,
}
