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
        var row = new SessionEntry
        {
            Handle = reader.UInt128(),
            TipOffset = reader.OffsetOrNone(),
            TipHash = reader.Hash(),
            GenerationOffset = reader.OffsetOrNone(),
            GenerationHash = reader.Hash(),
            Fence = reader.UInt64(),
            Term = reader.UInt64(),
            LeaseId = reader.UInt64(),
            LeaseState = (LeaseState)reader.Byte(),
            Commits = reader.UInt64(),
        };
        return !reader.Failed && row.IsCanonical() ? row
            : throw StoreFormatError.Damaged("a session row of the head has an impossible offset, an unknown state or a hash without an offset");
    }

    internal void Write(ByteWriter writer) => writer.UInt128(Handle).OffsetOrNone(TipOffset).Hash(TipHash).OffsetOrNone(GenerationOffset)
        .Hash(GenerationHash).UInt64(Fence).UInt64(Term).UInt64(LeaseId).Byte((byte)LeaseState).UInt64(Commits);

    internal bool IsCanonical() =>
        TipOffset >= -1 && GenerationOffset >= -1 && LeaseState is LeaseState.None or LeaseState.Open
        && (TipOffset >= 0 || TipHash == Digest.Zero) && (GenerationOffset >= 0 || GenerationHash == Digest.Zero);
}
