using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using Xunit;

namespace VmPod.Vault.Tests.Attacks;

/// <summary>Cells that come with their own keys, at a host that has the lease's keys, and at one that has not.</summary>
public sealed class HeldKeysTests
{
    [Theory]
    [InlineData(CellSuite.HmacAes)]
    [InlineData(CellSuite.Blake2bChaCha20)]
    [Trait("Spec", "V-121")]
    public void A_wrong_T_passes_at_a_host_with_the_cell_s_key_alone_and_not_at_one_that_has_the_lease_s(byte suite)
    {
        using var bench = new CellBench(suite);
        using var own = new CellBench(suite, keySeed: 2);
        byte[] work = CellBench.Plaintext(bench.Context, (1, 0, Codec.Raw, 100, new byte[100]));
        byte[] wrong = bench.SealWithWrongMac(work), right = bench.Seal(work);
        byte[] opened = new byte[work.Length];
        using (var alone = new ReleasedCellOpener(new Source(bench.Keys, wrong, holds: false), own.Keys))
            alone.Open(CellId.Of(wrong), opened);
        using (var holder = new ReleasedCellOpener(new Source(bench.Keys, wrong, holds: true), own.Keys))
        {
            VmPodException refused = Assert.Throws<VmPodException>(() => holder.Open(CellId.Of(wrong), opened));
            Assert.Equal(ExitCode.Damaged, refused.ExitCode);
            Assert.Equal(-1, opened.AsSpan().IndexOfAnyExcept((byte)0));
        }
        using var sound = new ReleasedCellOpener(new Source(bench.Keys, right, holds: true), own.Keys);
        sound.Open(CellId.Of(right), opened);
    }

    private sealed class Source(LeaseKeys keys, byte[] sent, bool holds) : IReleasedCellSource
    {
        public int CellBytes => sent.Length;

        public bool TryTakeOwn(in CellId id, Span<byte> cell) => false;

        public void Fetch(in CellId id, Span<byte> key, Span<byte> cell)
        {
            sent.CopyTo(cell);
            CellCipher.DeriveRecordKey(keys, cell, key);
        }

        public LeaseKeys? KeysOf(ulong leaseId) => holds && leaseId == keys.LeaseId ? keys : null;
    }
}
