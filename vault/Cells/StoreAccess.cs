namespace VmPod.Vault.Cells;

/// <summary>How a store is opened.</summary>
public enum StoreAccess
{
    /// <summary>A shared lock: other readers may be there, no writer. Changes nothing on disk.</summary>
    Read = 0,

    /// <summary>The exclusive lock: recovers, cuts off what was not committed, may append and commit.</summary>
    Write = 1,
}
