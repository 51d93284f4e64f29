using System.Security.Cryptography;

namespace VmPod.Vault.Format;

/// <summary>What a party without keys sees of a commit, and what the lease signs (SPEC, "Commit").</summary>
/// <remarks>The ids added and dropped follow the record in its log entry; the record holds their counts and hashes.</remarks>
public sealed record CommitRecord
{
    /// <summary>"VPC1": no cell begins so, and a cell's hash has a domain byte of its own.</summary>
    public const uint Magic = 0x5650_4331;

    /// <summary>Bytes of an Ed25519 signature.</summary>
    public const int SignatureBytes = 64;

    /// <summary>The vault.</summary>
    public required UInt128 VaultId { get; init; }

    /// <summary>The session.</summary>
    public required SessionHandle Session { get; init; }

    /// <summary>The lease that wrote it.</summary>
    public required ulong LeaseId { get; init; }

    /// <summary>The lease's term: grows with every lease of the session.</summary>
    public required ulong Term { get; init; }

    /// <summary>Number of the last batch of cells in it; grows along the chain of a session.</summary>
    public required ulong Number { get; init; }

    /// <summary>What it is.</summary>
    public required GenerationKind Kind { get; init; }

    /// <summary>The generation's number, counted from 1 over the session; for a draft, that of the generation it follows.</summary>
    public required ulong Generation { get; init; }

    /// <summary>Wall clock of the writer, ms since 1970.</summary>
    public required ulong TimeMs { get; init; }

    /// <summary>Hash of the parent's entry in the log (which covers record, signature and lists); zeros for a session's first commit.</summary>
    public required Digest Parent { get; init; }

    /// <summary>Where the parent's entry begins in the log; 2^64-1 for none.</summary>
    public required ulong ParentOffset { get; init; }

    /// <summary>Where the session's own entry (name, keys) begins in the log.</summary>
    public required ulong SessionOffset { get; init; }

    /// <summary>Where the lease's entry begins in the log.</summary>
    public required ulong LeaseOffset { get; init; }

    /// <summary>The cells that hold the manifest, in order; the manifest's first payload is at <see cref="ManifestSlot"/> of the first.</summary>
    public required IReadOnlyList<CellId> ManifestCells { get; init; }

    /// <summary>The line of the directory of the first manifest cell at which the manifest begins.</summary>
    public required uint ManifestSlot { get; init; }

    /// <summary>Bytes of the manifest.</summary>
    public required uint ManifestBytes { get; init; }

    /// <summary>Ids in this commit's live set that its parent's did not have.</summary>
    public required uint AddedCount { get; init; }

    /// <summary>SHA-256 over the added ids, sorted.</summary>
    public required Digest AddedHash { get; init; }

    /// <summary>Ids of the parent's live set that this commit's has no more.</summary>
    public required uint DroppedCount { get; init; }

    /// <summary>SHA-256 over the dropped ids, sorted.</summary>
    public required Digest DroppedHash { get; init; }

    /// <summary>Ids in the live set.</summary>
    public required ulong LiveCount { get; init; }

    /// <summary>Root of the live set (SPEC, "Live set").</summary>
    public required Digest LiveRoot { get; init; }

    /// <summary>The bytes that the lease signs.</summary>
    public byte[] ToSignedBytes()
    {
        var writer = new ByteWriter().UInt32(Magic);
        writer.UInt64((ulong)(VaultId >> 64)).UInt64((ulong)(VaultId & ulong.MaxValue)).Handle(Session)
            .UInt64(LeaseId).UInt64(Term).UInt64(Number).Byte((byte)Kind).UInt64(Generation).UInt64(TimeMs)
            .Hash(Parent).UInt64(ParentOffset).UInt64(SessionOffset).UInt64(LeaseOffset)
            .UInt16((ushort)ManifestCells.Count);
        foreach (CellId id in ManifestCells)
            writer.Id(id);
        return writer.UInt32(ManifestSlot).UInt32(ManifestBytes)
            .UInt32(AddedCount).Hash(AddedHash).UInt32(DroppedCount).Hash(DroppedHash).UInt64(LiveCount).Hash(LiveRoot).Written.ToArray();
    }

    /// <summary>SHA-256 over ids in the order given; the caller has sorted them.</summary>
    public static Digest HashOfIds(ReadOnlySpan<CellId> sorted)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[CellId.Size];
        foreach (ref readonly CellId id in sorted)
        {
            id.WriteTo(bytes);
            hash.AppendData(bytes);
        }
        return Digest.ReadFrom(hash.GetHashAndReset());
    }

    /// <summary>Reads a record. False unless canonical; <paramref name="length"/> is how many bytes it took (the signature follows).</summary>
    public static bool TryRead(ReadOnlySpan<byte> from, out CommitRecord? record, out int length)
    {
        var r = new ByteReader(from);
        r.Require(r.UInt32() == Magic);
        UInt128 vaultId = new(r.UInt64(), r.UInt64());
        ReadOnlySpan<byte> session = r.Bytes(SessionHandle.Size);
        ulong lease = r.UInt64(), term = r.UInt64(), number = r.UInt64();
        byte kind = r.Byte();
        ulong generation = r.UInt64(), time = r.UInt64();
        ReadOnlySpan<byte> parent = r.Bytes(CellId.Size);
        ulong parentOffset = r.UInt64(), sessionOffset = r.UInt64(), leaseOffset = r.UInt64();
        int manifestCells = r.UInt16();
        r.Require(manifestCells is > 0 and <= FormatLimits.ManifestCellsMax && kind is >= 1 and <= 3);
        ReadOnlySpan<byte> ids = r.Bytes(manifestCells * CellId.Size);
        uint slot = r.UInt32(), manifestBytes = r.UInt32(), added = r.UInt32();
        ReadOnlySpan<byte> addedHash = r.Bytes(CellId.Size);
        uint dropped = r.UInt32();
        ReadOnlySpan<byte> droppedHash = r.Bytes(CellId.Size);
        ulong live = r.UInt64();
        ReadOnlySpan<byte> liveRoot = r.Bytes(CellId.Size);
        r.Require(manifestBytes is > 0 and <= FormatLimits.ManifestBytesMax && added <= FormatLimits.CommitIdsMax && dropped <= FormatLimits.CommitIdsMax);
        length = from.Length - r.Remaining;
        record = null;
        if (r.Failed)
            return false;
        var cells = new CellId[manifestCells];
        for (int i = 0; i < manifestCells; i++)
            cells[i] = CellId.ReadFrom(ids[(i * CellId.Size)..]);
        record = new CommitRecord
        {
            VaultId = vaultId,
            Session = SessionHandle.ReadFrom(session),
            LeaseId = lease,
            Term = term,
            Number = number,
            Kind = (GenerationKind)kind,
            Generation = generation,
            TimeMs = time,
            Parent = Digest.ReadFrom(parent),
            ParentOffset = parentOffset,
            SessionOffset = sessionOffset,
            LeaseOffset = leaseOffset,
            ManifestCells = cells,
            ManifestSlot = slot,
            ManifestBytes = manifestBytes,
            AddedCount = added,
            AddedHash = Digest.ReadFrom(addedHash),
            DroppedCount = dropped,
            DroppedHash = Digest.ReadFrom(droppedHash),
            LiveCount = live,
            LiveRoot = Digest.ReadFrom(liveRoot),
        };
        return true;
    }
}
