namespace VmPod.Sync.Rsync.Deltas;

/// <summary>Where blocks of the basis are looked for in the new file.</summary>
public enum DeltaSearch
{
    /// <summary>At every byte: for what was shifted.</summary>
    Everywhere,

    /// <summary>At multiples of a block only: for files of fixed stride, where nothing is ever shifted by less. The sum does not roll then, and a file costs
    /// little more than its hashes.</summary>
    AtBlocks,
}
