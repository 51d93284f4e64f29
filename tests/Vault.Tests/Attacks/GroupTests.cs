using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Vault.Tests.Attacks;

/// <summary>Payloads that chunks share: each chunk gets its own pages and no others', whatever the map says.</summary>
[Trait("Spec", "V-147")]
public sealed class GroupTests
{
    private const int Page = FormatLimits.PageBytes, Chunk = FormatLimits.ChunkBytes;
    private const ulong First = 9;

    [Fact]
    public void Each_chunk_of_a_group_is_read_in_any_order()
    {
        using var bench = new CellBench(suite: 2);
        byte[][] chunks = [Words(1), Words(2), Words(3)];
        PayloadRef place = Group(bench, [First, First + 1, First + 200], [0xFFFF, 0xFFFF, 0xFFFF], chunks);
        foreach (int i in new[] { 2, 0, 1, 1, 2 })
            Assert.Equal(chunks[i], Read(bench, place, First + (i == 2 ? 200u : (uint)i)));
    }

    [Fact]
    public void A_chunk_that_the_group_does_not_have_is_refused()
    {
        using var bench = new CellBench(suite: 2);
        PayloadRef place = Group(bench, [First, First + 2], [0xFFFF, 0xFFFF], [Words(1), Words(2)]);
        Assert.NotEmpty(Read(bench, place, First + 2));
        Refuse(bench, place, new ChunkKey(5, First + 1));
        Refuse(bench, place, new ChunkKey(5, First - 1));
        Refuse(bench, place, new ChunkKey(5, First + 3));
        Refuse(bench, place, new ChunkKey(6, First));
        Refuse(bench, place with { Commit = place.Commit + 1 }, new ChunkKey(5, First));
        Refuse(bench, place with { LeaseId = 1 }, new ChunkKey(5, First));
        // What was decoded before does not let it pass.
        Assert.NotEmpty(Read(bench, place, First));
        Refuse(bench, place, new ChunkKey(5, First + 1));
    }

    [Fact]
    public void The_map_and_a_group_must_agree_on_the_pages_of_a_chunk()
    {
        using var bench = new CellBench(suite: 2);
        byte[] own = Words(1)[..Page], other = Words(2);
        PayloadRef place = Group(bench, [First, First + 1], [1 << 1, 0xFFFF], [own, other]);
        var target = new PageTarget(new ChunkKey(5, First + 1), place);
        byte[] chunk = Read(bench, place with { Pages = new PageTable(0b0110, [target], [0x07]) }, First);
        // Page 0 is page 7 of the neighbour, out of the same frame.
        Assert.Equal(other.AsSpan(7 * Page, Page).ToArray(), chunk.AsSpan(0, Page).ToArray());
        Assert.Equal(own, chunk.AsSpan(Page, Page).ToArray());
        Assert.Equal(new byte[14 * Page], chunk.AsSpan(2 * Page).ToArray());

        Refuse(bench, place, new ChunkKey(5, First));
        Refuse(bench, place with { Pages = new PageTable(0b01_0110, [target], [0x07]) }, new ChunkKey(5, First));
        Refuse(bench, place with { Pages = new PageTable(0b1001, [target], [0x07]) }, new ChunkKey(5, First));
        // A page of the target that stands elsewhere; a difference; a delta.
        Refuse(bench, place with { Pages = new PageTable(0b0110, [new PageTarget(new ChunkKey(5, First), place)], [0x07]) }, new ChunkKey(5, First));
        Refuse(bench, place with { Pages = new PageTable(0b1100, [target], [0x07]) }, new ChunkKey(5, First));
        Refuse(bench, place with { Pages = PageTable.Delta([target]) }, new ChunkKey(5, First + 1));
        // The last chunk of a stream, if it is short, is in no group.
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => bench.Reader.Read(target.Key, place, new byte[Page])).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-27")]
    public void The_vaults_own_structure_is_in_no_group()
    {
        using var bench = new CellBench(suite: 2);
        PayloadRef place = Group(bench, [First, First + 1], [0xFFFF, 0xFFFF], [Words(1), Words(2)], MetadataStream.First);
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => bench.Reader.ReadAll(MetadataStream.First, place)).ExitCode);
    }

    private static PayloadRef Group(CellBench bench, ulong[] numbers, ushort[] pages, byte[][] joined, uint stream = 5)
    {
        byte[] all = [.. joined.SelectMany(j => j)], into = new byte[ChunkEncoder.OutputBytesOf(all.Length)];
        using var encoder = new ChunkEncoder(Effort.Fast);
        int header = GroupPayload.WriteHeader(into, numbers, pages), length = header + encoder.Deflate(all, default, into.AsSpan(header));
        return bench.PlaceOf(bench.Seal(CellBench.Plaintext(bench.Context, (stream, numbers[0], Codec.Group, all.Length, into[..length]))));
    }

    // Small enough for the bench's cells, and no page like another.
    private static byte[] Words(int seed)
    {
        byte[] chunk = new byte[Chunk];
        for (int page = 0; page < Chunk / Page; page++)
            SHA256.HashData([(byte)seed, (byte)page]).CopyTo(chunk, page * Page + 100);
        return chunk;
    }

    private static byte[] Read(CellBench bench, PayloadRef place, ulong chunk)
    {
        byte[] into = new byte[Chunk];
        bench.Reader.Read(new ChunkKey(5, chunk), place, into);
        return into;
    }

    private static void Refuse(CellBench bench, PayloadRef place, ChunkKey key) =>
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => bench.Reader.Read(key, place, new byte[Chunk])).ExitCode);
}
