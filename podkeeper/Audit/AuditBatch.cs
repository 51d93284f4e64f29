using System.Buffers;
using System.Buffers.Binary;

namespace VmPod.Audit;

/// <summary>Entries that become durable together: their bytes as they go to the file, and their leaf hashes.</summary>
/// <param name="seq">Number of the first.</param>
/// <param name="previous">Leaf hash in hex of the entry before it.</param>
/// <param name="timeMs">When.</param>
internal sealed class AuditBatch(long seq, string previous, long timeMs)
{
    private readonly ArrayBufferWriter<byte> bytes = new();

    internal List<AuditEntry> Entries { get; } = [];

    internal List<byte[]> Leaves { get; } = [];

    internal ReadOnlySpan<byte> Bytes => bytes.WrittenSpan;

    internal string Previous => previous;

    internal void Add(AuditEvent evt)
    {
        // A copy: what the caller does with its dictionary later does not change the entry that it was given.
        var detail = new SortedDictionary<string, AuditValue>(evt.Detail, StringComparer.Ordinal);
        var entry = new AuditEntry(seq, timeMs, AuditKinds.NameOf(evt.Kind), evt.Actor, evt.Session, evt.Outcome, detail, previous);
        byte[] encoded = AuditEntryFormat.Encode(entry);
        Span<byte> target = bytes.GetSpan(AuditEntryStream.LengthSize + encoded.Length);
        BinaryPrimitives.WriteUInt16BigEndian(target, (ushort)encoded.Length);
        encoded.CopyTo(target[AuditEntryStream.LengthSize..]);
        bytes.Advance(AuditEntryStream.LengthSize + encoded.Length);
        byte[] leaf = MerkleHash.Leaf(encoded);
        Entries.Add(entry);
        Leaves.Add(leaf);
        previous = Convert.ToHexStringLower(leaf);
        seq++;
    }
}
