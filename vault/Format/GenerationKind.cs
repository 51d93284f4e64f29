namespace VmPod.Vault.Format;

/// <summary>What a commit is.</summary>
public enum GenerationKind : byte
{
    /// <summary>Disk, memory and device state of one instant (or, for plain files, all of them).</summary>
    Checkpoint = 1,

    /// <summary>Disks only: newer than the last checkpoint. Its memory streams are not of this instant.</summary>
    DiskOnly = 2,

    /// <summary>An unlisted tip: as disk-only, but no generation (rule "drafts").</summary>
    Draft = 3,
}
