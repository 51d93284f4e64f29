namespace VmPod.Sync.Wire;

/// <summary>How much room a pod has (vault/SPEC.md, V-167).</summary>
public enum PodRoom : byte
{
    /// <summary>Enough.</summary>
    Enough = 0,

    /// <summary>Less than a tenth of its disk is free.</summary>
    Low = 1,

    /// <summary>What is free is kept for suspending a session: a put and the commit of a draft are refused.</summary>
    KeptOnly = 2,
}
