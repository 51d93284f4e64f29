using VmPod.Foundation;

namespace VmPod.Audit;

/// <summary>Lists, verifies and proves a log. It needs no secret, and no lock: it may run beside the pod that appends.</summary>
/// <param name="dir">The vault's folder; the log is in its v1/audit.</param>
/// <param name="key">The log's name and public key, known from elsewhere: a key taken from the log's own folder proves nothing.</param>
public sealed class AuditReader(string dir, AuditLogKey key)
{
    private readonly AuditFolder folder = AuditFolder.Of(dir);

    /// <summary>Reads all of the log and compares it with what was signed.</summary>
    /// <exception cref="VmPodException">There is no log (exit code 3).</exception>
    public AuditVerification Verify()
    {
        AuditScan scan = AuditScan.Run(folder, key);
        return new AuditVerification(scan.Frontier.Size, scan.Signed, scan.TornBytes, scan.Break);
    }

    /// <summary>The entries that <paramref name="filter"/> takes, oldest first, one in memory at a time. Says nothing of their truth: see
    /// <see cref="Verify"/>.</summary>
    /// <exception cref="VmPodException">There is no log (exit code 3), or a signed entry cannot be read (5).</exception>
    public IEnumerable<AuditEntry> Read(AuditFilter? filter = null)
    {
        filter ??= new AuditFilter();
        long signed = SignedCheckpoint()?.Size ?? 0;
        using var entries = new AuditEntryStream(folder.OpenEntriesToRead());
        for (long seq = 0; Next(entries, out string? problem) is var entry; seq++)
        {
            if (entry is null && seq < signed)
                throw new VmPodException(ExitCode.Damaged, $"Entry {seq} of the audit log cannot be read: {problem ?? "it is missing"}.");
            if (entry is null)
                yield break;
            if (filter.Takes(entry))
                yield return entry;
        }
    }

    /// <summary>Evidence that entry <paramref name="seq"/> stands in the log.</summary>
    /// <exception cref="VmPodException">No log, or no such signed entry (exit code 3); the log is damaged (5).</exception>
    public AuditProof Prove(long seq)
    {
        AuditVerification state = Verify();
        if (state.Break is not null)
            throw new VmPodException(ExitCode.Damaged, $"A damaged log proves nothing. {state.Break.What}");
        Checkpoint signed = SignedCheckpoint() ?? throw new VmPodException(ExitCode.Damaged, "The checkpoint is not valid.");
        if (seq < 0 || seq >= signed.Size)
            throw new VmPodException(ExitCode.NotFound, $"There is no signed entry {seq}: the log has {signed.Size}.");
        return Prove(seq, signed);
    }

    // One more reading: each leaf goes into the subtree that it belongs to, so memory holds a frontier for each and one entry.
    private AuditProof Prove(long seq, Checkpoint signed)
    {
        List<(long Start, long End)> subtrees = InclusionProof.Subtrees(seq, signed.Size);
        List<MerkleFrontier> frontiers = subtrees.ConvertAll(_ => new MerkleFrontier());
        byte[] entry = [];
        using var entries = new AuditEntryStream(folder.OpenEntriesToRead());
        for (long index = 0; index < signed.Size; index++)
        {
            ReadOnlySpan<byte> bytes = entries.Next(out string? problem);
            if (bytes.IsEmpty)
                throw new VmPodException(ExitCode.Damaged, $"Entry {index} of the audit log cannot be read: {problem ?? "it is missing"}.");
            if (index == seq)
                entry = bytes.ToArray();
            else
                frontiers[subtrees.FindIndex(s => index >= s.Start && index < s.End)].Add(MerkleHash.Leaf(bytes));
        }
        return new AuditProof(seq, entry, frontiers.ConvertAll(f => f.Root()), signed.Note);
    }

    private Checkpoint? SignedCheckpoint() => folder.ReadCheckpoint() is { } note ? Checkpoint.Open(note, key, out _) : null;

    private static AuditEntry? Next(AuditEntryStream entries, out string? problem)
    {
        ReadOnlySpan<byte> bytes = entries.Next(out problem);
        return bytes.IsEmpty ? null : AuditEntryFormat.Decode(bytes, out problem);
    }
}
