namespace VmPod.Vault.Format;

/// <summary>How far a commit may be relied on (rule 29, V-96).</summary>
public enum CommitTrust : byte
{
    /// <summary>Nobody with keys has looked into it: no lease starts from it.</summary>
    Pending = 1,

    /// <summary>Its writer is trusted and its cells were opened as they came; or all of it was looked into afterwards.</summary>
    Sound = 2,

    /// <summary>It was looked into, and is not what it says.</summary>
    Refused = 3,

    /// <summary>Nobody with keys has looked into it, and its owner said that leases may start from it.</summary>
    Accepted = 4,
}
