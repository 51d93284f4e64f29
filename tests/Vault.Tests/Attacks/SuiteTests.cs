using System.Text;
using VmPod.Foundation;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Tests.Pods;
using Xunit;

namespace VmPod.Vault.Tests.Attacks;

/// <summary>A vault has one suite: nobody who writes to it chooses another.</summary>
[Collection(PodsCollection.Name)]
public sealed class SuiteTests
{
    private static readonly byte[] Secret = [.. "the content of chunk nine"u8];

    [Theory]
    [InlineData(CellSuite.HmacAes)]
    [InlineData(CellSuite.Blake2bChaCha20)]
    [Trait("Spec", "V-115")]
    [Trait("Threat", "T-02")]
    public void A_cell_that_the_same_lease_key_sealed_in_the_other_suite_is_refused(byte suite)
    {
        using var bench = new CellBench(suite);
        using var other = new CellBench((byte)(3 - suite));
        byte[] cell = other.Seal(CellBench.Plaintext(other.Context, (5, 9, Codec.Raw, Secret.Length, Secret)));
        // It is a sound cell of its suite.
        Assert.Equal(Secret, other.OpenNaively(cell));
        Refuse(bench, cell);
        // Nor with this lease's id, nor with this vault's suite, nor with both.
        new CellHeader((byte)(3 - suite), cell.Length, bench.Keys.LeaseId).WriteTo(cell);
        Refuse(bench, cell);
        new CellHeader(suite, cell.Length, bench.Keys.LeaseId).WriteTo(cell);
        Refuse(bench, cell);
    }

    [Fact]
    [Trait("Spec", "V-115")]
    public void No_key_of_a_lease_serves_in_two_suites()
    {
        using var one = new CellBench(CellSuite.Blake2bChaCha20);
        using var two = new CellBench(CellSuite.HmacAes);
        Assert.NotEqual(one.Keys.LeaseId, two.Keys.LeaseId);
        Assert.False(one.Keys.Mac.SequenceEqual(two.Keys.Mac));
        Assert.False(one.Keys.Record.SequenceEqual(two.Keys.Record));
        Assert.False(one.Keys.Tag.SequenceEqual(two.Keys.Tag));
        Assert.False(one.Keys.TagHash.SequenceEqual(two.Keys.TagHash));
    }

    [Theory]
    [InlineData(CellSuite.HmacAes)]
    [InlineData(CellSuite.Blake2bChaCha20)]
    [Trait("Spec", "V-30")]
    [Trait("Spec", "V-115")]
    [Trait("Threat", "T-02")]
    public void A_descriptor_that_says_the_other_suite_is_known_before_a_cell_is_opened(byte suite)
    {
        using var pod = new TestPod(suite: suite);
        pod.Write("a", Data.Random(1, 100_000));
        pod.Put();
        Assert.Equal(suite, pod.Vault.Descriptor.Suite);
        pod.Vault.Dispose();
        string file = Path.Combine(pod.Folder, "vault.json");
        string said = File.ReadAllText(file), changed = said.Replace($"\"suite\": {suite}", $"\"suite\": {3 - suite}", StringComparison.Ordinal);
        Assert.NotEqual(said, changed);
        File.WriteAllBytes(file, Encoding.UTF8.GetBytes(changed));
        Assert.Equal(ExitCode.Damaged, Assert.Throws<VmPodException>(() => TestPod.Unlock(pod.Folder)).ExitCode);
    }

    private static void Refuse(CellBench bench, byte[] cell)
    {
        byte[] into = new byte[Secret.Length];
        VmPodException e = Assert.Throws<VmPodException>(() => bench.Reader.Read(new ChunkKey(5, 9), bench.PlaceOf(cell), into));
        Assert.Equal(ExitCode.Damaged, e.ExitCode);
    }
}
