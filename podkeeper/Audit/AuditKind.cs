namespace VmPod.Audit;

/// <summary>
/// Everything that the pod logs. The name in an entry is the member's name in kebab case: <see cref="KeysGranted"/> is "keys-granted".
/// </summary>
/// <remarks>Names are never reused and never change their meaning: old logs are read by new programs.</remarks>
public enum AuditKind
{
    /// <summary>The vault was made.</summary>
    PodInit,

    /// <summary>The pod started, with the measurement of its own boot where it has one.</summary>
    PodBoot,

    /// <summary>The vault was opened with a secret.</summary>
    UnlockOk,

    /// <summary>A wrong secret was given.</summary>
    UnlockFail,

    /// <summary>No more tries were allowed.</summary>
    UnlockLimit,

    /// <summary>The duress secret was used; written afterwards.</summary>
    Duress,

    /// <summary>The vault was closed.</summary>
    Lock,

    /// <summary>A passphrase or PIN was changed.</summary>
    PassphraseChange,

    /// <summary>A slot was added, changed or removed.</summary>
    SlotChange,

    /// <summary>A host was paired.</summary>
    HostPaired,

    /// <summary>A host was unpaired.</summary>
    HostUnpaired,

    /// <summary>A host's evidence was judged: verdict, PCR digest, policy version.</summary>
    Attestation,

    /// <summary>A host's stay with a session began.</summary>
    LeaseOpened,

    /// <summary>It ended.</summary>
    LeaseClosed,

    /// <summary>Before a batch of key releases: lease, generation, at most so many keys. After a crash this is the upper bound.</summary>
    KeysGranted,

    /// <summary>After it: how many keys left.</summary>
    KeysReleased,

    /// <summary>A session was started from power-on.</summary>
    SessionStart,

    /// <summary>A session went on from a generation.</summary>
    SessionResume,

    /// <summary>A session was saved and stopped.</summary>
    SessionSuspend,

    /// <summary>A session was saved and went on.</summary>
    SessionCheckpoint,

    /// <summary>The pod was taken away from a session.</summary>
    SessionLeave,

    /// <summary>A session was stopped without saving; the detail says why.</summary>
    SessionKill,

    /// <summary>A generation was committed: sequence number and root.</summary>
    Commit,

    /// <summary>A snapshot folder was put into the vault.</summary>
    Put,

    /// <summary>A snapshot folder was taken out of the vault.</summary>
    Get,

    /// <summary>The vault was verified.</summary>
    Verify,

    /// <summary>Something left the vault for another format or place.</summary>
    Export,

    /// <summary>A peer was synchronised with: its head, and the result.</summary>
    Sync,

    /// <summary>A store is older than it was.</summary>
    RollbackAlarm,

    /// <summary>Two histories claim the same past.</summary>
    ForkAlarm,

    /// <summary>A session's keys moved to a new epoch.</summary>
    EpochChange,

    /// <summary>Keys were destroyed.</summary>
    Shred,

    /// <summary>What may be done, or by whom, changed.</summary>
    PolicyChange,

    /// <summary>The clock moved other than by waiting.</summary>
    ClockJump,

    /// <summary>Storage failed; nothing is written until it is opened again.</summary>
    StorageError,

    /// <summary>Hash of a sandbox's profile and the result of its own test.</summary>
    SandboxTest,

    /// <summary>What was zeroed and what was only freed when a session left.</summary>
    WipeReceipt,

    /// <summary>Somebody read this log.</summary>
    LogReviewed,

    /// <summary>The log was opened after a crash: entries that were not signed before, bytes that were cut off.</summary>
    LogRecovered,

    /// <summary>The pod stopped serving, in order.</summary>
    PodStop,

    /// <summary>The owner opened the pod for pairing.</summary>
    PairingOpened,

    /// <summary>Somebody answered to that; durable before he is heard.</summary>
    PairingAttempt,

    /// <summary>An attempt to pair was refused, cut off or too late.</summary>
    PairingFailed,

    /// <summary>Peers connected that did not prove to be paired; how many since the last such entry.</summary>
    LinkRefused,

    /// <summary>A host took its lease up again over another link.</summary>
    LeaseAttached,

    /// <summary>What a host had left was taken in beside the session's line: its lease was not open any more.</summary>
    Fork,

    /// <summary>A pending commit was looked into and is sound.</summary>
    PendingChecked,

    /// <summary>A pending commit was looked into and is not what it says: nothing starts from it.</summary>
    PendingRefused,

    /// <summary>The owner lets leases start from a commit that nobody has looked into.</summary>
    PendingAccepted,

    /// <summary>Before keys of a session's leases are stored for a home host, wrapped under its own: how many.</summary>
    HomeKeysStored,

    /// <summary>Before a home host gets the key that opens them.</summary>
    HomeKeyGiven,

    /// <summary>Before a home host gets them, wrapped, also of a locked pod: how many.</summary>
    HomeKeysServed,

    /// <summary>What was damaged was fetched from another copy: how many cells were missing, how many came, pieces of the log.</summary>
    Repair,

    /// <summary>Generations or forks were let go: how many, which.</summary>
    Forget,

    /// <summary>Cells that nobody needs were freed: how many.</summary>
    Gc,

    /// <summary>A session's newest generation was stored anew, free of history, and the others let go.</summary>
    Squash,

    /// <summary>A session's newest generation was moved out of cells that are mostly dead.</summary>
    Clean,

    /// <summary>A fork became a session of its own, and was forgotten as a fork.</summary>
    ForkKept,

    /// <summary>This pod was paired with one that keeps its mirror.</summary>
    KeeperPaired,

    /// <summary>That pairing was removed here.</summary>
    KeeperUnpaired,

    /// <summary>A copy of another pod, kept by this one, took a head; or an alarm: the actor is its pairing.</summary>
    MirrorKept,

    /// <summary>Before a copy of another pod, kept by this one, is read by its pairing.</summary>
    MirrorRead,
}
