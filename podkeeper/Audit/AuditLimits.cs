namespace VmPod.Audit;

/// <summary>Every bound of the audit log, with its reason.</summary>
public static class AuditLimits
{
    /// <summary>Bytes of one entry. Far below the 65,535 that its length could say, so that a reader needs one page.</summary>
    public const int EntryBytesMax = 4096;

    /// <summary>Members of an entry's detail. An entry states facts; what needs more is a report and belongs elsewhere.</summary>
    public const int DetailCountMax = 16;

    /// <summary>Characters of a detail's name.</summary>
    public const int DetailNameMax = 32;

    /// <summary>Characters of a text in the detail: a SHA-256 in hex fits twice, a document does not.</summary>
    public const int TextMax = 128;

    /// <summary>The greatest number anywhere in an entry: what every JSON reader holds exactly.</summary>
    public const long NumberMax = (1L << 53) - 1;

    /// <summary>Hex digits of a session handle, and of a host's pseudonym.</summary>
    public const int HandleDigitsMax = 64;

    /// <summary>Entries of one append. 64 entries of full length are 256 KiB in memory.</summary>
    public const int BatchMax = 64;

    /// <summary>Bytes of a checkpoint: the log's own signature and those of some twenty witnesses.</summary>
    public const int CheckpointBytesMax = 4096;

    /// <summary>Characters of the log's name (the origin line).</summary>
    public const int NameMax = 128;
}
