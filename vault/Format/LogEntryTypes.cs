namespace VmPod.Vault.Format;

/// <summary>Types of the log's entries (SPEC, "Log"). The store itself knows only the first.</summary>
public static class LogEntryTypes
{
    /// <summary>A head, signed by the pod's log key.</summary>
    public const byte Head = 1;

    /// <summary>The vault's own keys: once, before all others.</summary>
    public const byte Vault = 2;

    /// <summary>A session: wrapped key and sealed name.</summary>
    public const byte Session = 3;

    /// <summary>An epoch of a session: wrapped key.</summary>
    public const byte Epoch = 4;

    /// <summary>A lease: certified public key and wrapped key.</summary>
    public const byte Lease = 5;

    /// <summary>A commit: record, signature, ids added, ids dropped.</summary>
    public const byte Commit = 6;

    /// <summary>A fork: what a commit is, of a lease that was not open any more. It moves no session's tip.</summary>
    public const byte Fork = 7;

    /// <summary>What was found of a commit that was pending, or what the owner said of it.</summary>
    public const byte Verdict = 8;

    /// <summary>The owner lets a generation or a fork go: it is not listed and not opened any more.</summary>
    public const byte Forget = 9;

    /// <summary>What recovery words open; the one with the highest number counts.</summary>
    public const byte Recovery = 16;

    /// <summary>A commit that nobody with keys has looked into yet (rule 29). The type is part of the entry's hash, so this cannot be taken away.</summary>
    public const byte PendingCommit = 0x80 | Commit;

    /// <summary>A fork that nobody with keys has looked into yet.</summary>
    public const byte PendingFork = 0x80 | Fork;

    /// <summary>True for a commit, pending or not.</summary>
    public static bool IsCommit(byte type) => type is Commit or PendingCommit;

    /// <summary>True for a fork, pending or not.</summary>
    public static bool IsFork(byte type) => type is Fork or PendingFork;
}
