namespace VmPod.Vault.Format.Store;

/// <summary>Whether a host may write to a session now.</summary>
public enum LeaseState
{
    /// <summary>Nobody writes.</summary>
    None = 0,

    /// <summary>The lease named in the row is open.</summary>
    Open = 1,
}
