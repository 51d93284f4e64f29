using System.Numerics;
using VmPod.Secrets;
using VmPod.Vault.Format;

namespace VmPod.Vault.Codecs;

/// <summary>Collects chunks whose pages are to share one frame: neighbours are alike, and one frame learns from all of them. One for each thread.</summary>
internal sealed class ChunkGroup : IDisposable
{
    // A group of this many bytes touches one and a half cells on the average (rule 13): a page in it costs no more than a page of a chunk alone may.
    private const int PayloadBytesAimed = 32 * 1024;

    private readonly LockedMemory joined = new(FormatLimits.GroupBytesMax);
    private readonly List<Member> members = [];
    private readonly ulong[] chunks = new ulong[FormatLimits.GroupChunksMax];
    private readonly ushort[] pages = new ushort[FormatLimits.GroupChunksMax];

    // What a byte of the group before became: sessions are alike over long stretches.
    private double ratio = 1;

    /// <summary>A chunk that waits for the others.</summary>
    public readonly record struct Member(ChunkKey Key, ushort OwnPages, PageTable? Table, ChangeTag Tag, int RawLength);

    /// <summary>Those that wait, by rising number.</summary>
    public IReadOnlyList<Member> Members => members;

    /// <summary>Bytes of their pages.</summary>
    public int JoinedBytes { get; private set; }

    /// <summary>True if a chunk of so many pages can join them.</summary>
    public bool HasRoomFor(ChunkKey key, ushort ownPages)
    {
        int bytes = JoinedBytes + BitOperations.PopCount(ownPages) * FormatLimits.PageBytes;
        return members.Count == 0 || (members.Count < FormatLimits.GroupChunksMax && bytes <= FormatLimits.GroupBytesMax && bytes * ratio <= PayloadBytesAimed
            && members[^1].Key is var last && key.Stream == last.Stream && key.Chunk > last.Chunk && key.Chunk - last.Chunk <= GroupPayload.StepMax);
    }

    /// <summary>Adds the pages of a chunk that it has as its own.</summary>
    public void Add(in Member member, ReadOnlySpan<byte> chunk)
    {
        members.Add(member);
        for (int page = 0; page < PageTable.PagesMax; page++)
        {
            if ((member.OwnPages >> page & 1) == 0)
                continue;
            chunk.Slice(page * FormatLimits.PageBytes, FormatLimits.PageBytes).CopyTo(joined.Slice(JoinedBytes, FormatLimits.PageBytes));
            JoinedBytes += FormatLimits.PageBytes;
        }
    }

    /// <summary>Makes the payload of all of them. 0 if it would be longer than a payload may be, or no shorter than the pages.</summary>
    public int Encode(ChunkEncoder encoder, Span<byte> into)
    {
        for (int i = 0; i < members.Count; i++)
            (chunks[i], pages[i]) = (members[i].Key.Chunk, members[i].OwnPages);
        int header = GroupPayload.WriteHeader(into, chunks.AsSpan(0, members.Count), pages.AsSpan(0, members.Count));
        int frame = encoder.Deflate(joined.Slice(0, JoinedBytes), default, into[header..]);
        Learn(JoinedBytes, frame);
        return header + frame <= FormatLimits.GroupPayloadBytesMax && frame < JoinedBytes ? header + frame : 0;
    }

    /// <summary>Notes what pages became, to tell how many fit the next payload.</summary>
    public void Learn(int plainBytes, int encodedBytes) => ratio = (double)encodedBytes / plainBytes;

    /// <summary>The pages of a member, joined; valid until <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> PagesOf(int index)
    {
        int offset = members.Take(index).Sum(m => BitOperations.PopCount(m.OwnPages)) * FormatLimits.PageBytes;
        return joined.Slice(offset, BitOperations.PopCount(members[index].OwnPages) * FormatLimits.PageBytes);
    }

    /// <summary>Ready for the next.</summary>
    public void Clear()
    {
        members.Clear();
        JoinedBytes = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => joined.Dispose();
}
