using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Vault.Codecs;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.Vault.Tests.Attacks;

/// <summary>Tables of pages that lie: every cell is sound and sealed by the session's own keys, and still nothing is read that should not be.</summary>
public sealed class PageTableTests
{
    private const int Page = FormatLimits.PageBytes, Chunk = FormatLimits.ChunkBytes;
    private static readonly ChunkKey Asked = new(5, 9), Other = new(4, 3);

    [Fact]
    [Trait("Spec", "V-141")]
    [Trait("Spec", "V-143")]
    public void Pages_come_from_where_the_table_says()
    {
        using var bench = new CellBench(suite: 2);
        byte[] own = RandomNumberGenerator.GetBytes(Page), target = RandomNumberGenerator.GetBytes(Chunk);
        byte[] chunk = Read(bench, Mixed(bench, own, new PageTarget(Other, Whole(bench, Other, target))));
        Assert.Equal(target.AsSpan(7 * Page, Page).ToArray(), chunk.AsSpan(0, Page).ToArray());
        Assert.Equal(own, chunk.AsSpan(Page, Page).ToArray());
        Assert.Equal(new byte[14 * Page], chunk.AsSpan(2 * Page).ToArray());
    }

    [Fact]
    [Trait("Spec", "V-146")]
    public void A_target_that_is_another_payload_than_its_birth_name_says_is_refused()
    {
        using var bench = new CellBench(suite: 2);
        byte[] own = RandomNumberGenerator.GetBytes(Page), target = RandomNumberGenerator.GetBytes(Chunk);
        PayloadRef place = Whole(bench, Other, target);
        Assert.NotEmpty(Read(bench, Mixed(bench, own, new PageTarget(Other, place))));
        Refuse(bench, Mixed(bench, own, new PageTarget(Other with { Chunk = 4 }, place)));
        Refuse(bench, Mixed(bench, own, new PageTarget(Other with { Stream = 6 }, place)));
        Refuse(bench, Mixed(bench, own, new PageTarget(Other, place with { Commit = 6 })));
        Refuse(bench, Mixed(bench, own, new PageTarget(Other, place with { LeaseId = 1 })));
        Refuse(bench, Mixed(bench, own, new PageTarget(Other, place with { Slot = 1 })));
    }

    [Fact]
    [Trait("Spec", "V-146")]
    public void A_page_that_the_targets_payload_does_not_hold_as_itself_is_refused()
    {
        using var bench = new CellBench(suite: 2);
        byte[] own = RandomNumberGenerator.GetBytes(Page), target = RandomNumberGenerator.GetBytes(Chunk);
        var whole = new PageTarget(Other, Whole(bench, Other, target));
        ChunkKey third = new(4, 8);
        // Page 7 of the target's target is meant; its own payload has page 1 only.
        PayloadRef some = Sealed(bench, third, Codec.PageRef, [0, 1 << 1, .. own]);
        Refuse(bench, Mixed(bench, own, new PageTarget(third, some)));
        PayloadRef seventh = Sealed(bench, third, Codec.PageRef, [0, 1 << 7, .. own]);
        Assert.Equal(own, Read(bench, Mixed(bench, own, new PageTarget(third, seventh))).AsSpan(0, Page).ToArray());
        // A difference cannot be named, though it is page 7 and its own table would read.
        PayloadRef difference = Difference(bench, third, target.AsSpan(7 * Page, Page).ToArray(), own, 7);
        Assert.NotEmpty(Read(bench, difference with { Pages = new PageTable(3u << 14, [whole], [0x07]) }, third));
        Refuse(bench, Mixed(bench, own, new PageTarget(third, difference)));
        // Nor a delta.
        PayloadRef delta = Delta(bench, third, target, own);
        Assert.NotEmpty(Read(bench, delta with { Pages = PageTable.Delta([whole]) }, third));
        Refuse(bench, Mixed(bench, own, new PageTarget(third, delta)));
    }

    [Fact]
    [Trait("Spec", "V-146")]
    public void A_payload_whose_codec_or_pages_are_not_those_of_its_table_is_refused()
    {
        using var bench = new CellBench(suite: 2);
        byte[] own = RandomNumberGenerator.GetBytes(Page), target = RandomNumberGenerator.GetBytes(Chunk);
        var whole = new PageTarget(Other, Whole(bench, Other, target));
        var table = new PageTable(0b0110, [whole], [0x07]);
        Assert.NotEmpty(Read(bench, Sealed(bench, Asked, Codec.PageRef, [0, 1 << 1, .. own]) with { Pages = table }));
        Refuse(bench, Sealed(bench, Asked, Codec.PageRef, [0, 1 << 2, .. own]) with { Pages = table });
        Refuse(bench, Sealed(bench, Asked, Codec.PageRef, [0, 3, .. own, .. own]) with { Pages = table });
        Refuse(bench, Sealed(bench, Asked, Codec.PageRef, [0, 1 << 1, .. own, 0]) with { Pages = table });
        Refuse(bench, Whole(bench, Asked, target) with { Pages = table });
        Refuse(bench, Difference(bench, Asked, target.AsSpan(7 * Page, Page).ToArray(), own, 1) with { Pages = table });
        // And the other way round: without a table it is a whole chunk.
        Refuse(bench, Sealed(bench, Asked, Codec.PageRef, [0, 1 << 1, .. own]));
        Refuse(bench, Delta(bench, Asked, target, target));
        // A chunk of 15 pages has no page 15.
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() =>
            bench.Reader.Read(Asked, Sealed(bench, Asked, Codec.PageRef, [0, 2, .. own]) with { Pages = new PageTable(0b0100 | 2u << 30, [whole], [0x07]) },
                new byte[15 * Page])).ExitCode);
    }

    [Fact]
    [Trait("Spec", "V-144")]
    public void A_difference_is_decoded_with_the_page_that_the_table_names_and_with_no_other()
    {
        using var bench = new CellBench(suite: 2);
        byte[] target = RandomNumberGenerator.GetBytes(Chunk), page = target.AsSpan(3 * Page, Page).ToArray();
        page[100] ^= 1;
        var whole = new PageTarget(Other, Whole(bench, Other, target));
        PayloadRef place = Difference(bench, Asked, target.AsSpan(3 * Page, Page).ToArray(), page, 0);
        Assert.Equal(page, Read(bench, place with { Pages = new PageTable(3, [whole], [0x03]) }).AsSpan(0, Page).ToArray());
        // With another page before it the frame copies from that: bytes come out, and they are the map's, which its lease signed. The size stays right.
        Assert.NotEqual(page, Read(bench, place with { Pages = new PageTable(3, [whole], [0x04]) }).AsSpan(0, Page).ToArray());
    }

    private static PayloadRef Mixed(CellBench bench, byte[] own, PageTarget target) =>
        Sealed(bench, Asked, Codec.PageRef, [0, 1 << 1, .. own]) with { Pages = new PageTable(0b0110, [target], [0x07]) };

    private static PayloadRef Whole(CellBench bench, ChunkKey key, byte[] chunk)
    {
        // Pages 3 and 7 of it, so that it fits one cell of the bench.
        using var encoder = new ChunkEncoder(Effort.Fast);
        for (int page = 0; page < Chunk / Page; page++)
        {
            if (page is not (3 or 7))
                chunk.AsSpan(page * Page, Page).Clear();
        }
        byte[] into = new byte[ChunkEncoder.OutputBytesMax];
        (Codec codec, int length) = encoder.Encode(chunk, into);
        return Sealed(bench, key, codec, into[..length]);
    }

    private static PayloadRef Difference(CellBench bench, ChunkKey key, byte[] before, byte[] now, int page)
    {
        using var encoder = new ChunkEncoder(Effort.Fast);
        byte[] into = new byte[ChunkEncoder.OutputBytesMax];
        int header = PagePayload.WriteHeader(into, (ushort)(1 << page), (ushort)(1 << page));
        byte[] like = [.. before.AsSpan(0, Page / 2), .. now.AsSpan(Page / 2)];
        int length = encoder.Deflate(before.AsSpan(200).SequenceEqual(now.AsSpan(200)) ? now : like, before, into.AsSpan(header));
        Assert.True(length < Page);
        return Sealed(bench, key, Codec.Patch, into[..(header + length)]);
    }

    private static PayloadRef Delta(CellBench bench, ChunkKey key, byte[] before, byte[] now)
    {
        using var encoder = new ChunkEncoder(Effort.Fast);
        byte[] into = new byte[ChunkEncoder.OutputBytesMax], like = [.. before.AsSpan(0, Chunk / 2), .. now.AsSpan(0, 1)];
        return Sealed(bench, key, Codec.Delta, into[..encoder.Deflate(like, before, into)], like.Length);
    }

    private static PayloadRef Sealed(CellBench bench, ChunkKey key, Codec codec, byte[] payload, int rawLength = Chunk) =>
        bench.PlaceOf(bench.Seal(CellBench.Plaintext(bench.Context, (key.Stream, key.Chunk, codec, rawLength, payload))));

    private static byte[] Read(CellBench bench, PayloadRef place, ChunkKey? key = null)
    {
        byte[] chunk = new byte[Chunk];
        int length = bench.Reader.ReadUpTo(key ?? Asked, place, chunk);
        return chunk[..length];
    }

    private static void Refuse(CellBench bench, PayloadRef place) =>
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => Read(bench, place)).ExitCode);
}
