namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A fault planted in a simulated part of the world, to see that the rules catch it. The product's own code is the same in all of them.</summary>
internal enum Planted
{
    None,

    /// <summary>The disk does nothing at a sync of a segment.</summary>
    SegmentsNotSynced,

    /// <summary>The disk does nothing at a sync of the log.</summary>
    LogNotSynced,

    /// <summary>The disk does nothing at a sync of the slots.</summary>
    SlotsNotSynced,

    /// <summary>The disk does nothing at a sync of the folder of segments.</summary>
    FolderNotSynced,

    /// <summary>The disk syncs, but after the pod has answered.</summary>
    AnswersBeforeDurable,

    /// <summary>After a power cut the disk is that of the cut before.</summary>
    RolledBack,

    /// <summary>A hole is punched one cell too far to the left.</summary>
    HoleTooLarge,

    /// <summary>The owner's word that ends a lease raises no fence.</summary>
    FenceForgotten,

    /// <summary>The owner's word that ends a lease is not on the disk when it is answered.</summary>
    FenceNotDurable,

    /// <summary>A host forgets cells when they are sent, not when a commit that names them is answered.</summary>
    HostForgetsWhatItSent,

    /// <summary>A mirror takes the head before the cells.</summary>
    MirrorTakesHeadFirst,

    /// <summary>A mirror leaves the last cell of a plan out.</summary>
    MirrorMissesACell,
}
