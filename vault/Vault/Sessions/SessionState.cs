using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Tables;

namespace VmPod.Vault.Sessions;

/// <summary>A session as one commit left it. Immutable.</summary>
internal sealed class SessionState
{
    /// <summary>A session's state by its commit and opened manifest.</summary>
    public SessionState(CommitRecord record, Digest entryHash, long entryOffset, Manifest manifest, PayloadReader reader, SessionState? before = null)
    {
        Record = record;
        Payloads = reader;
        EntryHash = entryHash;
        EntryOffset = entryOffset;
        Manifest = manifest;
        Map = new TableView<PayloadRef, MapValue>(reader, manifest.Map, record.ManifestCells[0], before?.Map);
        Tags = new TableView<ChangeTag, TagValue>(reader, manifest.Tags, record.ManifestCells[0], before?.Tags);
    }

    /// <summary>Opens a commit, if the owner certified the lease that signed it.</summary>
    /// <exception cref="VmPodException">It was not so, or the sealed part does not fit (5).</exception>
    public static SessionState Open(BaseCommit commit, ReadOnlySpan<byte> ownerPublicKey, UInt128 vaultId, PayloadReader payloads)
    {
        CommitRecord record = commit.Record;
        if (LeaseEntry.TryRead(commit.Certificate) is not { } lease || record.VaultId != vaultId || record.Session != lease.Session
            || record.LeaseId != lease.LeaseId || record.Term != lease.Term
            || !SigningKey.Verify(ownerPublicKey, lease.SignedBytes(vaultId), lease.OwnerSignature)
            || !SigningKey.Verify(lease.PublicKey, record.ToSignedBytes(), commit.Signature))
            throw new VmPodException(ExitCode.Damaged, "A commit is not signed by a lease that the owner certified.",
                "The vault was changed by somebody without its keys. Use a mirror.");
        if (!Manifest.TryRead(payloads.ReadManifest(record), out Manifest? manifest) || manifest!.Number != record.Number || manifest.Kind != record.Kind)
            throw new VmPodException(ExitCode.Damaged, "A commit's manifest is not what its signed record says.", "Use an older generation or a mirror.");
        return new SessionState(record, commit.EntryHash, commit.EntryOffset, manifest, payloads);
    }

    /// <summary>The visible record.</summary>
    public CommitRecord Record { get; }

    /// <summary>Hash of the commit's entry in the log.</summary>
    public Digest EntryHash { get; }

    /// <summary>Where that entry stands.</summary>
    public long EntryOffset { get; }

    /// <summary>Reads its cells.</summary>
    public PayloadReader Payloads { get; }

    /// <summary>The sealed part.</summary>
    public Manifest Manifest { get; }

    /// <summary>Chunk to payload.</summary>
    public TableView<PayloadRef, MapValue> Map { get; }

    /// <summary>Chunk to change tag.</summary>
    public TableView<ChangeTag, TagValue> Tags { get; }

    /// <summary>Every payload place that the commit needs: chunks, leaves, indexes.</summary>
    public IEnumerable<PayloadRef> AllPlaces()
    {
        foreach (KeyValuePair<ChunkKey, PayloadRef> entry in Map.Enumerate(default, new ChunkKey(uint.MaxValue, ulong.MaxValue)))
            yield return entry.Value;
        foreach (PayloadRef place in RunPlaces(Map).Concat(RunPlaces(Tags)))
            yield return place;
    }

    private static IEnumerable<PayloadRef> RunPlaces<TValue, TFormat>(TableView<TValue, TFormat> table)
        where TFormat : ITableValue<TValue>
    {
        for (int run = 0; run < table.Descriptors.Count; run++)
        {
            foreach (PayloadRef place in table.PlacesOf(run))
                yield return place;
        }
    }
}
