namespace VmPod.Sync.Wire;

/// <summary>The type byte of a frame (sync/SPEC.md, "Frames").</summary>
#pragma warning disable CA1008 // no type is zero: a frame of zeros is refused
public enum WireType : byte
{
    /// <summary>Both sides, first: who speaks, and which version.</summary>
    Hello = 0x01,

    /// <summary>Both sides, every 250 ms.</summary>
    Beat = 0x02,

    /// <summary>Pod: the request failed.</summary>
    Error = 0x03,

    /// <summary>Pod: the request is done.</summary>
    Done = 0x04,

    /// <summary>Both sides: the orderly end.</summary>
    Bye = 0x05,

    /// <summary>Host: which session is this?</summary>
    Find = 0x10,

    /// <summary>Pod: the session.</summary>
    Session = 0x11,

    /// <summary>Host: open a lease.</summary>
    OpenLease = 0x12,

    /// <summary>Pod: the lease, with its key.</summary>
    Lease = 0x13,

    /// <summary>Host: go on with a lease after a lost link.</summary>
    Attach = 0x14,

    /// <summary>Pod: where the lease stands.</summary>
    Attached = 0x15,

    /// <summary>Host: all sessions.</summary>
    List = 0x16,

    /// <summary>Pod: all sessions.</summary>
    Sessions = 0x17,

    /// <summary>Host, home: its own key.</summary>
    GetHomeKey = 0x18,

    /// <summary>Pod: the key.</summary>
    HomeKey = 0x19,

    /// <summary>Host, home: the wrapped keys of its session's leases.</summary>
    GetLeaseKeys = 0x1A,

    /// <summary>Pod: the keys.</summary>
    LeaseKeys = 0x1B,

    /// <summary>Host, from version 3 on: the forks of a session.</summary>
    GetForks = 0x1C,

    /// <summary>Pod: the forks.</summary>
    Forks = 0x1D,

    /// <summary>Host: cells, keys of cells, or both.</summary>
    GetCells = 0x20,

    /// <summary>Pod: one of them.</summary>
    Cell = 0x21,

    /// <summary>Host: a cell to store.</summary>
    PutCell = 0x22,

    /// <summary>Host: make what was put durable.</summary>
    Flush = 0x23,

    /// <summary>Pod: it is.</summary>
    Flushed = 0x24,

    /// <summary>Host: which of these cells are there?</summary>
    Have = 0x25,

    /// <summary>Pod: a bit for each.</summary>
    HaveReply = 0x26,

    /// <summary>Host: commit.</summary>
    Commit = 0x30,

    /// <summary>Host: ids of the commit that follows.</summary>
    Ids = 0x31,

    /// <summary>Pod: committed, and durable.</summary>
    Committed = 0x32,

    /// <summary>Host: give up what was put and not committed.</summary>
    Discard = 0x33,

    /// <summary>Host: close the lease.</summary>
    CloseLease = 0x34,

    /// <summary>Host: keep the lease.</summary>
    Renew = 0x35,

    /// <summary>Pod: until when.</summary>
    Renewed = 0x36,

    /// <summary>Host: numbers for the pod's log.</summary>
    Log = 0x40,

    /// <summary>Host: a signed receipt for the pod's log.</summary>
    Receipt = 0x41,
}
