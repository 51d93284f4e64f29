using System.Runtime.InteropServices;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <content>How it is kept with a session: entries with the mark are what no part has yet (SPEC V-153).</content>
internal sealed partial class PageIndex
{
    /// <summary>Takes in the pages of a part that was made with this seed. False if it is none: then it may have taken some.</summary>
    public bool TryAddPart(ReadOnlySpan<byte> part) => PageIndexPart.TryReadHeader(part, out ulong seed, out _) && seed == Seed
        && PageIndexPart.TryReadRows(part, (key, page, hash) => Add(hash, key, page, isNew: false));

    /// <summary>
    /// Appends rows of pages that no part has yet, by their places, and takes their marks. What has no room keeps its mark. Returns the bytes of
    /// <paramref name="part"/> then.
    /// </summary>
    /// <param name="part">A part: <paramref name="length"/> bytes of it are there already.</param>
    /// <param name="length">At least those of a header.</param>
    public int WriteNewRows(Span<byte> part, int length)
    {
        Span<Entry> table = MemoryMarshal.Cast<byte, Entry>(memory.Slice(0, (int)memory.Length));
        int count = 0;
        foreach (ref Entry entry in table)
            count += (entry.Value & IsNew) != 0 ? 1 : 0;
        if (count == 0)
            return length;
        using var sorted = new LockedMemory((long)count * Marshal.SizeOf<Entry>());
        Span<Entry> entries = MemoryMarshal.Cast<byte, Entry>(sorted.Slice(0, count * Marshal.SizeOf<Entry>()));
        // The table may grow meanwhile: what is new then waits for the next time.
        int taken = 0;
        foreach (ref Entry entry in table)
        {
            if ((entry.Value & IsNew) != 0 && taken < count)
                entries[taken++] = entry;
        }
        entries = entries[..taken];
        entries.Sort(static (a, b) => a.Value.CompareTo(b.Value));
        Span<ulong> hashes = stackalloc ulong[PageTable.PagesMax];
        for (int i = 0; i < entries.Length && length + PageIndexPart.RowBytesMax <= part.Length;)
        {
            ChunkKey key = PlaceOf(entries[i].Value).Key;
            ushort pages = 0;
            int used = 0;
            for (; i < entries.Length && PlaceOf(entries[i].Value) is var (chunk, page) && chunk == key; i++)
            {
                // A page that was noted with two hashes changed: which one is right, who compares finds out.
                if ((pages >> page & 1) == 0)
                    hashes[used++] = entries[i].Hash;
                pages |= (ushort)(1 << page);
                Unmark(entries[i]);
            }
            length += PageIndexPart.WriteRow(part[length..], key, pages, hashes[..used]);
        }
        return length;
    }

    private void Unmark(in Entry entry)
    {
        Span<ulong> bucket = BucketOf(entry.Hash);
        for (int i = 0; i < bucket.Length; i += WordsOfEntry)
        {
            if (bucket[i] == entry.Hash && bucket[i + 1] == entry.Value)
                bucket[i + 1] &= ~IsNew;
        }
    }

    // Two words of the table.
    private readonly record struct Entry(ulong Hash, ulong Value);
}
