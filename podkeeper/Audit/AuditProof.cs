using System.Globalization;
using System.Text;

namespace VmPod.Audit;

/// <summary>Evidence for others that one entry stands in the log: the entry, its place, the way to the root, the signed root.</summary>
/// <param name="Index">Number of the entry.</param>
/// <param name="Entry">Its bytes.</param>
/// <param name="Hashes">RFC 6962 inclusion proof, the entry's sibling first.</param>
/// <param name="Checkpoint">The signed note, UTF-8.</param>
public sealed record AuditProof(long Index, byte[] Entry, IReadOnlyList<byte[]> Hashes, byte[] Checkpoint)
{
    /// <summary>Whether the log with this key signed a tree that holds this entry at this place.</summary>
    public bool Verify(AuditLogKey key) =>
        Entry.Length <= AuditLimits.EntryBytesMax
        && Audit.Checkpoint.Open(Checkpoint, key, out _) is { } signed
        && InclusionProof.Verify(Index, signed.Size, MerkleHash.Leaf(Entry), signed.Root, Hashes);

    /// <summary>The proof as a c2sp.org/tlog-proof@v1 file; the entry travels beside it.</summary>
    public string ToTlogProof()
    {
        var text = new StringBuilder("c2sp.org/tlog-proof@v1\n");
        text.Append(CultureInfo.InvariantCulture, $"index {Index}\n");
        foreach (byte[] hash in Hashes)
            text.Append(Convert.ToBase64String(hash)).Append('\n');
        return text.Append('\n').Append(Encoding.UTF8.GetString(Checkpoint)).ToString();
    }
}
