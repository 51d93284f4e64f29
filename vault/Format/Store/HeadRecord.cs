using System.Numerics;

namespace VmPod.Vault.Format.Store;

/// <summary>
/// The logical head "VPH1": an entry of the log (type 1), signed by the log key, equal on the pod and on every mirror. It says how the log
/// stood before it and where each session stands. What differs from disk to disk (segment lengths) is in <see cref="SlotRecord"/> (rule
/// 27).
/// </summary>
public sealed record HeadRecord
{
    /// <summary>The type of a HEAD entry in the log.</summary>
    public const byte EntryType = 1;

    /// <summary>Bytes of an Ed25519 signature.</summary>
    public const int SignatureSize = 64;

    private const string Name = "the head";

    /// <summary>The vault that this head belongs to.</summary>
    public required UInt128 VaultId { get; init; }

    /// <summary>Number of this head: 1 for the first, then one more each.</summary>
    public required ulong Seq { get; init; }

    /// <summary>The pod's NV counter that this head expects (rule 28).</summary>
    public required ulong NvCounter { get; init; }

    /// <summary>Unix time in milliseconds.</summary>
    public required long TimeMs { get; init; }

    /// <summary>The tree over all entries before this one.</summary>
    public required LogFrontier Frontier { get; init; }

    /// <summary>Bytes of the log before this entry: its own offset.</summary>
    public required long LogBytes { get; init; }

    /// <summary>Where each session stands, ascending by handle.</summary>
    public required IReadOnlyList<SessionEntry> Sessions { get; init; }

    /// <summary>Ed25519 over <see cref="EncodeUnsigned"/>.</summary>
    public ReadOnlyMemory<byte> Signature { get; init; }

    /// <summary>The row of a session, or null.</summary>
    public SessionEntry? Find(UInt128 handle) => Sessions.FirstOrDefault(row => row.Handle == handle);

    /// <summary>The bytes that are signed.</summary>
    /// <exception cref="ArgumentException">A row is not canonical, rows are not strictly ascending, or there are too many.</exception>
    public byte[] EncodeUnsigned()
    {
        CheckRows();
        var writer = new ByteWriter().Bytes("VPH1"u8).UInt128(VaultId).UInt64(Seq).UInt64(NvCounter).UInt64((ulong)TimeMs)
            .UInt64((ulong)Frontier.Count).UInt64((ulong)LogBytes);
        foreach (var hash in Frontier.Hashes)
            writer.Hash(hash);
        writer.UInt16((ushort)Sessions.Count);
        foreach (var row in Sessions)
            row.Write(writer);
        return writer.Written.ToArray();
    }

    /// <summary>Reads the payload of a HEAD entry. The signature is the caller's to verify, over all bytes but the last 64.</summary>
    /// <exception cref="Foundation.VmPodException">Damaged: not the one encoding of a head.</exception>
    public static HeadRecord Parse(ReadOnlySpan<byte> payload)
    {
        if (payload.Length > StoreLimits.HeadBytesMax)
            throw StoreFormatError.Damaged($"{Name} is too long");
        var reader = new ByteReader(payload);
        reader.Require(reader.Bytes(4).SequenceEqual("VPH1"u8));
        var vaultId = reader.UInt128();
        ulong seq = reader.UInt64();
        ulong nvCounter = reader.UInt64();
        long timeMs = reader.Length();
        long count = reader.Length();
        long logBytes = reader.Length();
        var hashes = new Digest[BitOperations.PopCount((ulong)count)];
        foreach (ref var hash in hashes.AsSpan())
            hash = reader.Hash();
        var sessions = ReadRows(ref reader);
        var signature = reader.Bytes(SignatureSize).ToArray();
        if (!reader.IsAtEnd)
            throw StoreFormatError.Damaged($"{Name} is cut, too long or no head");
        return new HeadRecord
        {
            VaultId = vaultId,
            Seq = seq,
            NvCounter = nvCounter,
            TimeMs = timeMs,
            Frontier = LogFrontier.From(count, hashes),
            LogBytes = logBytes,
            Sessions = sessions,
            Signature = signature,
        };
    }

    private static SessionEntry[] ReadRows(ref ByteReader reader)
    {
        int count = reader.UInt16();
        // Checked against the bytes that are there before anything is allocated.
        if (reader.Failed || count > StoreLimits.SessionsMax || reader.Remaining != count * SessionEntry.Size + SignatureSize)
            throw StoreFormatError.Damaged($"{Name} has an impossible number of sessions");
        var rows = new SessionEntry[count];
        for (int i = 0; i < count; i++)
        {
            rows[i] = SessionEntry.Read(ref reader);
            if (i > 0 && rows[i].Handle <= rows[i - 1].Handle)
                throw StoreFormatError.Damaged($"{Name} has sessions out of order");
        }
        return rows;
    }

    private void CheckRows()
    {
        if (Sessions.Count > StoreLimits.SessionsMax)
            throw new ArgumentException($"A head holds at most {StoreLimits.SessionsMax} sessions.");
        if (TimeMs < 0 || LogBytes < 0)
            throw new ArgumentException("A head's time and log length are not negative.");
        for (int i = 0; i < Sessions.Count; i++)
        {
            if (!Sessions[i].IsCanonical() || i > 0 && Sessions[i].Handle <= Sessions[i - 1].Handle)
                throw new ArgumentException("The rows of a head are canonical and strictly ascending by handle.");
        }
    }
}
