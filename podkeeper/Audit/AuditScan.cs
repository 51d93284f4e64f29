namespace VmPod.Audit;

/// <summary>
/// Reads a log from the first byte to the last, in memory that does not grow with it, and compares it with its checkpoint.
/// </summary>
/// <remarks>
/// What the checkpoint covers was acknowledged and must be whole. What follows it was begun and never acknowledged: there a cut entry is a
/// crash, not a break. Each entry names the hash of the one before, so that a changed entry is found by number and not only as another
/// root.
/// </remarks>
internal sealed class AuditScan
{
    private readonly Checkpoint? checkpoint;

    // The last entry does not name the hash of the one before it: the next entry tells which of the two was changed.
    private bool linkBroken;

    private AuditScan(byte[]? note, AuditLogKey key)
    {
        string why = "it is missing, empty or too long";
        checkpoint = note is null ? null : Checkpoint.Open(note, key, out why);
        if (checkpoint is null)
            Break = new AuditBreak(null, $"The checkpoint is not valid: {why}.");
    }

    /// <summary>The tree over all good entries.</summary>
    internal MerkleFrontier Frontier { get; } = new();

    /// <summary>Leaf hash of the last good entry, in hex.</summary>
    internal string Previous { get; private set; } = new('0', AuditEntryRules.HashDigits);

    /// <summary>Where the next entry would begin.</summary>
    internal long End { get; private set; }

    /// <summary>Where the last entry ends that the checkpoint covers.</summary>
    internal long SignedEnd { get; private set; }

    /// <summary>Bytes after <see cref="End"/>: an append that a crash cut short.</summary>
    internal long TornBytes { get; private set; }

    /// <summary>Entries that the checkpoint covers; 0 if it is not valid.</summary>
    internal long Signed => checkpoint?.Size ?? 0;

    internal AuditBreak? Break { get; private set; }

    /// <summary>Reads the log in <paramref name="folder"/>.</summary>
    // The checkpoint before the entries: an appender at work writes them in the other order, so the entries are at least as many.
    internal static AuditScan Run(AuditFolder folder, AuditLogKey key) => Run(folder, key, folder.ReadCheckpoint());

    /// <summary>Reads the log in <paramref name="folder"/>, and compares it with this checkpoint.</summary>
    internal static AuditScan Run(AuditFolder folder, AuditLogKey key, byte[]? note)
    {
        var scan = new AuditScan(note, key);
        using FileStream file = folder.OpenEntriesToRead();
        using var entries = new AuditEntryStream(file);
        if (scan.Break is null)
            scan.ReadAll(entries);
        scan.TornBytes = scan.Break is null ? file.Length - scan.End : 0;
        return scan;
    }

    private void ReadAll(AuditEntryStream entries)
    {
        CompareRoot();
        while (Break is null)
        {
            ReadOnlySpan<byte> bytes = entries.Next(out string? problem);
            AuditEntry? entry = bytes.IsEmpty ? null : AuditEntryFormat.Decode(bytes, out problem);
            if (entry is null)
            {
                EndAt(problem);
                return;
            }
            Accept(entry, MerkleHash.Leaf(bytes), entries.Offset);
        }
    }

    private void Accept(AuditEntry entry, byte[] leaf, long end)
    {
        long seq = Frontier.Size;
        bool linked = entry.Previous == Previous;
        if (linkBroken)
            Break = linked ? Changed(seq - 2) : Changed(seq - 1);
        else if (entry.Seq != seq)
            Break = new AuditBreak(seq, $"Where entry {seq} belongs, entry {entry.Seq} stands: entries were dropped, inserted or swapped.");
        else if (!linked && seq == 0)
            Break = Changed(0);
        else
        {
            linkBroken = !linked;
            Frontier.Add(leaf);
            Previous = Convert.ToHexStringLower(leaf);
            End = end;
            if (Frontier.Size == Signed)
                SignedEnd = end;
            CompareRoot();
        }
    }

    private void CompareRoot()
    {
        if (linkBroken || Frontier.Size != Signed || Frontier.Root().AsSpan().SequenceEqual(checkpoint!.Root))
            return;
        Break = Signed == 0
            ? new AuditBreak(null, "The checkpoint signs no entries with a root of some.")
            : new AuditBreak(Signed - 1,
                $"Entry {Signed - 1} was changed, or all up to it were written anew: they are not those that were signed.");
    }

    // After the last whole entry: the end, a crash, or a break.
    private void EndAt(string? problem)
    {
        long seq = Frontier.Size;
        if (linkBroken)
            Break = new AuditBreak(seq - 2, $"Entry {seq - 2} was changed, or what entry {seq - 1} says of it.");
        else if (seq < Signed)
        {
            Break = new AuditBreak(seq, problem is null
                ? $"Entry {seq} is missing: {Signed} entries were signed."
                : $"Entry {seq} cannot be read: {problem}.");
        }
    }

    private static AuditBreak Changed(long seq) => new(seq, $"Entry {seq} was changed, exchanged or inserted.");
}
