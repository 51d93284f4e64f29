using System.Runtime.InteropServices;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Cells;

/// <summary>
/// Packs payloads into cells and seals them, in the order given. Not thread-safe. A payload that does not fit goes on in the next cell; the last cell of a
/// batch is padded.
/// </summary>
/// <remarks>Owns two locked buffers; sealed cells go to <paramref name="emit"/> as { id, cell }, valid for the call.</remarks>
internal sealed class CellPacker(LeaseKeys keys, SessionHandle session, int cellBytes, Action<CellId, ReadOnlyMemory<byte>> emit) : IDisposable
{
    /// <summary>Below this a part is not worth a directory line and a second read: the cell is closed instead.</summary>
    public const int PartBytesMin = 256;

    private readonly LockedMemory work = new(CellLayout.HeaderBytes + CellLayout.Capacity(cellBytes));
    private readonly LockedMemory body = new(CellLayout.Capacity(cellBytes));
    private readonly byte[] cell = new byte[cellBytes];
    private readonly List<PayloadEntry> entries = [];
    // Payloads whose last part is not sealed yet, with the cells that hold their earlier parts.
    private readonly List<Unsealed> unplaced = [];
    private int bodyLength;
    private ulong ordinal;

    // Of those, the last so many share the payload that is being added.
    private int adding;

    /// <summary>The number of the batch that is being written.</summary>
    public ulong Batch { get; set; }

    /// <summary>Bytes of plaintext that are not padding, over all cells so far.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Cells sealed so far.</summary>
    public long Cells { get; private set; }

    /// <summary>Told where a payload begins, once its cell is sealed.</summary>
    public required Action<ChunkKey, PayloadRef> Placed { get; init; }

    /// <summary>Bytes that one more payload would find in the open cell.</summary>
    public int Room => CellLayout.Capacity(cellBytes) - CellLayout.ContentHeaderBytes - (entries.Count + 1) * CellLayout.EntryBytes - bodyLength;

    /// <summary>Lines in the directory of the open cell.</summary>
    public int OpenSlots => entries.Count;

    /// <summary>Payloads that end in the open cell, which has no id yet: the zero id stands for it.</summary>
    public IEnumerable<(ChunkKey Key, PayloadRef Place)> Unplaced => unplaced.Select(u => (u.Key, PlaceOf(u, default)));

    /// <summary>
    /// Adds a payload. It begins in the open cell if <see cref="Room"/> is at least <see cref="PartBytesMin"/>. If a cell cannot be given away (no space),
    /// the payload is not there, those before it are, and the packer goes on. With <paramref name="pages"/> other payloads hold some of the chunk's pages.
    /// </summary>
    public void Add(ChunkKey key, Codec codec, int rawLength, ReadOnlySpan<byte> bytes, PageTable? pages = null) =>
        Add([(key, pages)], codec, rawLength, bytes);

    /// <summary>As <see cref="Add(ChunkKey, Codec, int, ReadOnlySpan{byte}, PageTable)"/>, for a payload that chunks share.</summary>
    public void Add(ReadOnlySpan<(ChunkKey Key, PageTable? Pages)> chunks, Codec codec, int rawLength, ReadOnlySpan<byte> bytes)
    {
        if (Room < Math.Min(bytes.Length, PartBytesMin))
            Seal();
        foreach ((ChunkKey key, PageTable? pages) in chunks)
            unplaced.Add(new Unsealed(key, entries.Count, pages, null));
        adding = chunks.Length;
        try
        {
            AddParts(chunks[0].Key, codec, rawLength, bytes);
        }
        catch
        {
            // The line that said "goes on" is the last one, and so are its bytes.
            bodyLength = entries[^1].Offset;
            entries.RemoveAt(entries.Count - 1);
            unplaced.RemoveRange(unplaced.Count - adding, adding);
            throw;
        }
    }

    /// <summary>Forgets that a chunk's payload in the open cell is the newest: it is sealed with the rest, and nobody is told.</summary>
    public void Forget(ChunkKey key) => unplaced.RemoveAll(u => u.Key == key);

    private void AddParts(ChunkKey key, Codec codec, int rawLength, ReadOnlySpan<byte> bytes)
    {
        for (int part = 0; ; part++)
        {
            int take = Math.Min(Room, bytes.Length);
            bool more = take < bytes.Length;
            entries.Add(new PayloadEntry(key.Stream, key.Chunk, codec, part, more, rawLength, bodyLength, take));
            bytes[..take].CopyTo(body.Slice(bodyLength, take));
            bodyLength += take;
            if (!more)
                return;
            bytes = bytes[take..];
            Seal(goesOn: true);
        }
    }

    /// <summary>Seals what is there, padded. Nothing if nothing is there.</summary>
    public void Seal() => Seal(goesOn: false);

    private void Seal(bool goesOn)
    {
        if (entries.Count == 0)
            return;
        Span<byte> whole = work.Slice(0, CellLayout.HeaderBytes + CellLayout.Capacity(cellBytes));
        var context = new CellContext(session, keys.LeaseId, Batch, ordinal++);
        UsedBytes += CellContent.Write(whole[CellLayout.HeaderBytes..], context, CollectionsMarshal.AsSpan(entries), body.Slice(0, bodyLength));
        CellCipher.Seal(keys, whole, cell);
        CellId id = CellId.Of(cell);
        Cells++;
        emit(id, cell);
        int placed = goesOn ? unplaced.Count - adding : unplaced.Count;
        for (int i = 0; i < placed; i++)
            Placed(unplaced[i].Key, PlaceOf(unplaced[i], id));
        unplaced.RemoveRange(0, placed);
        foreach (ref Unsealed open in CollectionsMarshal.AsSpan(unplaced))
            open = open with { Earlier = [.. open.Earlier ?? [], id] };
        entries.Clear();
        bodyLength = 0;
    }

    private PayloadRef PlaceOf(Unsealed payload, CellId last) => payload.Earlier is null
        ? new PayloadRef(keys.LeaseId, Batch, last, (uint)payload.Slot, null, payload.Pages)
        : new PayloadRef(keys.LeaseId, Batch, payload.Earlier[0], (uint)payload.Slot, [.. payload.Earlier[1..], last], payload.Pages);

    /// <summary>Drops what is not sealed yet. Ordinals are not reused.</summary>
    public void Drop()
    {
        unplaced.Clear();
        entries.Clear();
        bodyLength = 0;
    }

    /// <summary>Zeroes the buffers.</summary>
    public void Dispose()
    {
        work.Dispose();
        body.Dispose();
    }

    private readonly record struct Unsealed(ChunkKey Key, int Slot, PageTable? Pages, List<CellId>? Earlier);
}
