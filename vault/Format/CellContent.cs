using System.Buffers.Binary;

namespace VmPod.Vault.Format;

/// <summary>Who wrote a cell and as which: stands sealed inside it.</summary>
/// <param name="Session">The session.</param>
/// <param name="LeaseId">The lease that wrote it; equals the key id of the cell's header.</param>
/// <param name="Commit">The number of the batch in which it was written.</param>
/// <param name="Ordinal">Unique for (session, lease), never reused.</param>
public readonly record struct CellContext(SessionHandle Session, ulong LeaseId, ulong Commit, ulong Ordinal);

/// <summary>The plaintext of a cell, read in place. Parsing is strict: one meaning has one encoding (SPEC V-12).</summary>
public readonly ref struct CellContent
{
    /// <summary>The only type of this version: payloads of a session's commit.</summary>
    public const byte TypeCommit = 1;

    private readonly ReadOnlySpan<byte> plaintext;

    private CellContent(ReadOnlySpan<byte> plaintext, CellContext context, int count)
    {
        this.plaintext = plaintext;
        Context = context;
        Count = count;
    }

    /// <summary>Who wrote it.</summary>
    public CellContext Context { get; }

    /// <summary>Lines of the directory.</summary>
    public int Count { get; }

    /// <summary>Line <paramref name="slot"/> of the directory.</summary>
    public PayloadEntry Entry(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)slot, (uint)Count);
        _ = PayloadEntry.TryRead(plaintext[(CellLayout.ContentHeaderBytes + slot * CellLayout.EntryBytes)..], out PayloadEntry entry);
        return entry;
    }

    /// <summary>The stored bytes of a line of the directory.</summary>
    public ReadOnlySpan<byte> Bytes(in PayloadEntry entry) =>
        plaintext.Slice(CellLayout.ContentHeaderBytes + Count * CellLayout.EntryBytes + entry.Offset, entry.Length);

    /// <summary>Reads the plaintext of a cell. False unless it is canonical: known type, directory in bounds, offsets without gap or overlap,
    /// parts only at the ends, zero padding.</summary>
    public static bool TryParse(ReadOnlySpan<byte> plaintext, out CellContent content)
    {
        content = default;
        if (plaintext.Length < CellLayout.ContentHeaderBytes || plaintext[0] != TypeCommit || (plaintext[1] | plaintext[2] | plaintext[3]) != 0)
            return false;
        uint count = BinaryPrimitives.ReadUInt32BigEndian(plaintext[4..]);
        if (count == 0 || count > (uint)((plaintext.Length - CellLayout.ContentHeaderBytes) / (CellLayout.EntryBytes + 1)))
            return false;
        int body = CellLayout.ContentHeaderBytes + (int)count * CellLayout.EntryBytes;
        int end = 0;
        for (int i = 0; i < (int)count; i++)
        {
            if (!PayloadEntry.TryRead(plaintext[(CellLayout.ContentHeaderBytes + i * CellLayout.EntryBytes)..], out PayloadEntry entry)
                || entry.Offset != end || entry.Length > plaintext.Length - body - end
                || (entry.Part != 0 && i != 0) || (entry.More && i != (int)count - 1))
                return false;
            end += entry.Length;
        }
        if (plaintext[(body + end)..].IndexOfAnyExcept((byte)0) >= 0)
            return false;
        content = new CellContent(plaintext, new CellContext(SessionHandle.ReadFrom(plaintext[8..]), BinaryPrimitives.ReadUInt64BigEndian(plaintext[24..]),
            BinaryPrimitives.ReadUInt64BigEndian(plaintext[32..]), BinaryPrimitives.ReadUInt64BigEndian(plaintext[40..])), (int)count);
        return true;
    }

    /// <summary>Writes a whole plaintext: header, directory, bytes, zero padding. The entries' offsets must be in order and without gap.</summary>
    /// <returns>Bytes that are not padding.</returns>
    public static int Write(Span<byte> plaintext, in CellContext context, ReadOnlySpan<PayloadEntry> entries, ReadOnlySpan<byte> bytes)
    {
        plaintext[..CellLayout.ContentHeaderBytes].Clear();
        plaintext[0] = TypeCommit;
        BinaryPrimitives.WriteUInt32BigEndian(plaintext[4..], (uint)entries.Length);
        context.Session.WriteTo(plaintext[8..]);
        BinaryPrimitives.WriteUInt64BigEndian(plaintext[24..], context.LeaseId);
        BinaryPrimitives.WriteUInt64BigEndian(plaintext[32..], context.Commit);
        BinaryPrimitives.WriteUInt64BigEndian(plaintext[40..], context.Ordinal);
        int at = CellLayout.ContentHeaderBytes;
        foreach (ref readonly PayloadEntry entry in entries)
        {
            entry.WriteTo(plaintext[at..]);
            at += CellLayout.EntryBytes;
        }
        bytes.CopyTo(plaintext[at..]);
        at += bytes.Length;
        plaintext[at..].Clear();
        return at;
    }
}
