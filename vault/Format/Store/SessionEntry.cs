namespace VmPod.Vault.Format.Store;

/// <summary>One row of the head's session table: where a session stands (129 bytes, V-50).</summary>
public sealed record SessionEntry
{
    /// <summary>Bytes of a row.</summary>
    public const int Size = 16 + 8 + 32 + 8 + 32 + 8 + 8 + 8 + 1 + 8;

    /// <summary>The session's random handle.</summary>
    public required UInt128 Handle { get; init; }

    /// <summary>Byte offset in the log of the newest COMMIT entry, or -1.</summary>
    public long TipOffset { get; init; } = -1;

    /// <summary>The hash of that entry; zero if there is none.</summary>
    public Digest TipHash { get; init; }

    /// <summary>Byte offset in the log of the entry of the newest generation, or -1.</summary>
    public long GenerationOffset { get; init; } = -1;

    /// <summary>The hash of that entry; zero if there is none.</summary>
    public Digest GenerationHash { get; init; }

    /// <summary>A commit with a lower fence is refused (rule 20).</summary>
    public ulong Fence { get; init; }

    /// <summary>The newest term; lower terms are refused (rule 33).</summary>
    public ulong Term { get; init; }

    /// <summary>The newest lease, open or closed.</summary>
    public ulong LeaseId { get; init; }

    /// <summary>Whether that lease is open.</summary>
    public LeaseState LeaseState { get; init; }

    /// <summary>Commits of this session so far.</summary>
    public ulong Commits { get; init; }

    internal static SessionEntry Read(ref ByteReader reader)
    {
        const string Row = "a session row of the head";
        var row = new SessionEntry
        {
            Handle = reader.U128(),
            TipOffset = reader.OffsetOrNone("tip offset"),
            TipHash = reader.Digest(),
            GenerationOffset = reader.OffsetOrNone("generation offset"),
            GenerationHash = reader.Digest(),
            Fence = reader.U64(),
            Term = reader.U64(),
            LeaseId = reader.U64(),
            LeaseState = reader.U8() is var state and <= 1 ? (LeaseState)state
                : throw StoreFormatError.Damaged($"{Row} has an unknown state"),
            Commits = reader.U64(),
        };
        return row.IsCanonical() ? row : throw StoreFormatError.Damaged($"{Row} has a hash without an offset");
    }

    internal void Write(ref ByteWriter writer)
    {
        writer.U128(Handle);
        writer.OffsetOrNone(TipOffset);
        writer.Digest(TipHash);
        writer.OffsetOrNone(GenerationOffset);
        writer.Digest(GenerationHash);
        writer.U64(Fence);
        writer.U64(Term);
        writer.U64(LeaseId);
        writer.U8((byte)LeaseState);
        writer.U64(Commits);
    }

    internal bool IsCanonical() =>
        TipOffset >= -1 && GenerationOffset >= -1 && LeaseState is LeaseState.None or LeaseState.Open
        && (TipOffset >= 0 || TipHash == Digest.Zero) && (GenerationOffset >= 0 || GenerationHash == Digest.Zero);
}
