namespace VmPod.Vault.Sessions;

/// <summary>What became of a request for a cell and its key.</summary>
public enum ReleaseOutcome
{
    /// <summary>Both are given.</summary>
    Released = 0,

    /// <summary>The vault does not have the cell.</summary>
    Absent = 1,

    /// <summary>It is there, damaged.</summary>
    Damaged = 2,

    /// <summary>It is not in what the lease may read, or the pod has no key of it now.</summary>
    Refused = 3,
}
