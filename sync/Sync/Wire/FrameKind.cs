namespace VmPod.Sync.Wire;

/// <summary>What a type of frame is to a request.</summary>
public enum FrameKind
{
    /// <summary>No request: number 0, and no answer.</summary>
    OneWay,

    /// <summary>A request that may overtake others and be answered out of order.</summary>
    Read,

    /// <summary>A request that is worked off in the order of sending, after the puts and lists before it.</summary>
    Write,

    /// <summary>An answer.</summary>
    Reply,
}
