using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using Xunit;
using ZstdSharp;

namespace VmPod.Vault.Tests.Attacks;

/// <summary>
/// The attacker holds the store, and in some cases a lease's key: he shows valid cells in places that are not theirs. Each test first shows that the cell
/// opens, so that without the checks of the context the attack would work.
/// </summary>
[Trait("Threat", "T-04")]
public abstract class MovedCellTests
{
    protected abstract byte Suite { get; }

    private static readonly byte[] Secret = [.. "the content of chunk nine"u8];
    private static readonly ChunkKey Nine = new(5, 9);

    [Fact]
    public void A_cell_in_its_place_is_read()
    {
        using var bench = new CellBench(Suite);
        Assert.Equal(Secret, Read(bench, Nine, bench.PlaceOf(Good(bench))));
    }

    [Fact]
    [Trait("Spec", "V-14")]
    public void A_cell_that_the_map_moved_to_another_chunk_or_stream_is_refused()
    {
        using var bench = new CellBench(Suite);
        byte[] cell = Good(bench);
        Assert.Equal(Secret, bench.OpenNaively(cell));
        Refuse(bench, Nine with { Chunk = 3 }, bench.PlaceOf(cell));
        Refuse(bench, Nine with { Stream = 4 }, bench.PlaceOf(cell));
        Refuse(bench, Nine, bench.PlaceOf(cell, slot: 1));
    }

    [Fact]
    [Trait("Spec", "V-14")]
    public void A_cell_of_another_session_under_the_same_key_is_refused()
    {
        using var bench = new CellBench(Suite);
        byte[] cell = bench.Seal(CellBench.Plaintext(bench.Context with { Session = CellBench.OtherSession }, (5, 9, Codec.Raw, Secret.Length, Secret)));
        Assert.Equal(Secret, bench.OpenNaively(cell));
        Refuse(bench, Nine, bench.PlaceOf(cell));
    }

    [Fact]
    [Trait("Spec", "V-05")]
    public void A_cell_of_another_vault_or_lease_is_refused()
    {
        using var bench = new CellBench(Suite);
        foreach (CellBench other in new[] { new CellBench(Suite, keySeed: 2), new CellBench(Suite, vault: 6) })
        {
            using (other)
            {
                byte[] cell = Good(other);
                Assert.Equal(Secret, other.OpenNaively(cell));
                Assert.Equal(Secret, Read(other, Nine, other.PlaceOf(cell)));
                Refuse(bench, Nine, bench.PlaceOf(cell));
                // Nor under the key id of this lease.
                new CellHeader(Suite, cell.Length, bench.Keys.LeaseId).WriteTo(cell);
                Refuse(bench, Nine, bench.PlaceOf(cell));
            }
        }
    }

    [Fact]
    [Trait("Spec", "V-13")]
    public void A_cell_that_says_another_lease_than_its_header_is_refused()
    {
        using var bench = new CellBench(Suite);
        byte[] cell = bench.Seal(CellBench.Plaintext(bench.Context with { LeaseId = 1 }, (5, 9, Codec.Raw, Secret.Length, Secret)));
        Assert.Equal(Secret, bench.OpenNaively(cell));
        Refuse(bench, Nine, bench.PlaceOf(cell));
    }

    [Fact]
    [Trait("Spec", "V-14")]
    public void An_older_cell_of_the_same_chunk_is_refused_where_the_map_names_a_newer_birth()
    {
        using var bench = new CellBench(Suite);
        byte[] older = bench.Seal(CellBench.Plaintext(bench.Context with { Commit = 6 }, (5, 9, Codec.Raw, Secret.Length, Secret)));
        PayloadRef place = bench.PlaceOf(older);
        Assert.Equal(Secret, Read(bench, Nine, place with { Commit = 6 }));
        Refuse(bench, Nine, place);
    }

    [Fact]
    [Trait("Spec", "V-08")]
    public void A_cell_whose_AEAD_is_right_and_whose_T_is_wrong_is_refused()
    {
        using var bench = new CellBench(Suite);
        byte[] cell = bench.SealWithWrongMac(CellBench.Plaintext(bench.Context, (5, 9, Codec.Raw, Secret.Length, Secret)));
        Assert.Equal(Secret, bench.OpenNaively(cell));
        Refuse(bench, Nine, bench.PlaceOf(cell));
    }

    [Fact]
    [Trait("Spec", "V-12")]
    public void A_sealed_plaintext_that_is_not_canonical_is_refused()
    {
        using var bench = new CellBench(Suite);
        byte[] work = CellBench.Plaintext(bench.Context, (5, 9, Codec.Raw, Secret.Length, Secret));
        work[^1] = 1;
        byte[] cell = bench.Seal(work), opened = new byte[work.Length];
        Assert.True(CellCipher.TryOpen(bench.Keys, cell, opened) && CellCipher.MacIsRight(bench.Keys, cell, opened));
        Refuse(bench, Nine, bench.PlaceOf(cell));
    }

    [Theory]
    [InlineData(Codec.Patch)]
    [InlineData(Codec.PageRef)]
    [InlineData(Codec.Delta)]
    [Trait("Spec", "V-19")]
    public void A_payload_of_pages_or_differences_is_no_whole_chunk_and_is_refused_as_one(Codec codec)
    {
        using var bench = new CellBench(Suite);
        Refuse(bench, Nine, bench.PlaceOf(bench.Seal(CellBench.Plaintext(bench.Context, (5, 9, codec, Secret.Length, Secret)))));
    }

    [Fact]
    [Trait("Spec", "V-17")]
    public void A_frame_that_gives_more_or_less_than_the_chunk_is_refused()
    {
        using var bench = new CellBench(Suite);
        using var compressor = new Compressor(1);
        byte[] bomb = compressor.Wrap(new byte[10_000_000]).ToArray(), small = compressor.Wrap(new byte[100]).ToArray();
        foreach (byte[] frame in new[] { bomb, small, [.. small, 0], small[..^1], Secret })
        {
            Assert.True(frame.Length < CellLayout.Capacity(CellBench.Bytes) - 100);
            PayloadRef place = bench.PlaceOf(bench.Seal(CellBench.Plaintext(bench.Context, (5, 9, Codec.Zstd, 65_536, frame))));
            Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => bench.Reader.Read(Nine, place, new byte[65_536])).ExitCode);
        }
    }

    [Fact]
    [Trait("Spec", "V-06")]
    public void Sealing_is_deterministic_and_plaintexts_that_differ_in_one_bit_share_no_record_key()
    {
        using var bench = new CellBench(Suite);
        byte[] work = CellBench.Plaintext(bench.Context, (5, 9, Codec.Raw, Secret.Length, Secret));
        Assert.Equal(bench.Seal([.. work]), bench.Seal([.. work]));
        var macs = new HashSet<string>();
        for (int bit = 0; bit < 1000; bit++)
        {
            byte[] changed = [.. work];
            changed[CellLayout.HeaderBytes + bit * 16] ^= (byte)(1 << bit % 8);
            // K_rec is a PRF of T alone: a T of its own is a key of its own.
            Assert.True(macs.Add(Convert.ToHexString(bench.Seal(changed).AsSpan(CellLayout.HeaderBytes, CellLayout.MacBytes))));
        }
    }

    private static byte[] Good(CellBench bench) => bench.Seal(CellBench.Plaintext(bench.Context, (5, 9, Codec.Raw, Secret.Length, Secret)));

    private static byte[] Read(CellBench bench, ChunkKey key, PayloadRef place)
    {
        byte[] chunk = new byte[Secret.Length];
        bench.Reader.Read(key, place, chunk);
        return chunk;
    }

    private static void Refuse(CellBench bench, ChunkKey key, PayloadRef place) =>
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => Read(bench, key, place)).ExitCode);
}
