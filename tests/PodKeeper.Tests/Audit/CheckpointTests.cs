using System.Text;
using VmPod.Audit;
using Xunit;

namespace VmPod.PodKeeper.Tests.Audit;

public sealed class CheckpointTests
{
    // Made with Python and OpenSSL 3.0 (pkeyutl -sign -rawin) from the seed 01 00 … 00: root = SHA-256("a root"),
    // key id = the first four bytes of SHA-256(name | 0x0A | 0x01 | public key), signature over the first three lines.
    private const string PublicKey = "cecc1507dc1ddd7295951c290888f095adb9044d1b73d696e6df065d683bd4fc";
    private const string Root = "50b312f5cbc716759f5620d73a7cc11415707349f41b0ce0b7cf7b7807ec31da";
    private const string Note = "vmpod.test/pod\n3\nULMS9cvHFnWfViDXOnzBFBVwc0n0Gwzgt897eAfsMdo=\n\n\u2014 vmpod.test/pod "
        + "4PG9tRzuds3EeWNBM4bTRtThU2W0dak16OE4w2+k1Hmt9p3KvZueY79LmHRoTQzTT3Q8eqqOGfxcy23zZi1C1aumlw4=\n";

    [Fact]
    [Trait("Spec", "P-11")]
    public void A_checkpoint_is_byte_for_byte_what_an_independent_program_signs()
    {
        using var signer = new TestSigner();
        Assert.Equal(PublicKey, Convert.ToHexStringLower(signer.PublicKey));
        Assert.Equal(Note, Encoding.UTF8.GetString(Checkpoint.Sign(3, Convert.FromHexString(Root), signer.LogKey, signer).Note));
        Checkpoint? opened = Checkpoint.Open(Encoding.UTF8.GetBytes(Note), signer.LogKey, out string why);
        Assert.True(opened is not null, why);
        Assert.Equal((3, Root), (opened.Size, Convert.ToHexStringLower(opened.Root)));
    }

    [Theory]
    [Trait("Spec", "P-12")]
    [InlineData("x", true)]
    [InlineData("!~", true)]
    [InlineData("", false)]
    [InlineData("two words", false)]
    [InlineData("a+b", false)]
    [InlineData("tab\t", false)]
    [InlineData("line\n", false)]
    [InlineData("del\u007f", false)]
    [InlineData("k\u00e4se", false)]
    public void A_logs_name_is_printable_ASCII_without_space_and_plus_sign(string name, bool isOne)
    {
        using var signer = new TestSigner();
        Judge(name, isOne, signer.PublicKey);
    }

    [Fact]
    [Trait("Spec", "P-12")]
    public void A_logs_name_has_at_most_128_characters()
    {
        using var signer = new TestSigner();
        Judge(new string('n', 128), isOne: true, signer.PublicKey);
        Judge(new string('n', 129), isOne: false, signer.PublicKey);
    }

    private static void Judge(string name, bool isOne, byte[] publicKey)
    {
        if (isOne)
            Assert.Equal(name, new AuditLogKey(name, publicKey).Name);
        else
            Assert.Throws<ArgumentException>(() => new AuditLogKey(name, publicKey));
    }
}
