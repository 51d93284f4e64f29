using System.Security.Cryptography;
using System.Text.Json;
using VmPod.Vault.Keys;
using Xunit;

namespace VmPod.Vault.Tests.Vectors;

/// <summary>
/// The primitives as the vault uses them, against Project Wycheproof. The vectors stand beside the project (../shared/vectors); where they are absent
/// (CI), that is said and asserted as a count of its own: all or none.
/// </summary>
public sealed class WycheproofTests
{
    [Theory]
    // Skipped: keys of 128 and 192 bits, nonces that are not 96 bits: the vault has neither.
    [InlineData("aes_gcm", 39, 27, 250)]
    // Skipped: nonces that are not 96 bits.
    [InlineData("chacha20_poly1305", 256, 60, 9)]
    // Skipped: tags that are cut to 128 bits.
    [InlineData("hmac_sha256", 33, 54, 87)]
    [InlineData("hkdf_sha256", 83, 3, 0)]
    [InlineData("ed25519", 88, 63, 0)]
    public void The_primitives_accept_and_refuse_what_they_must(string name, int accepted, int rejected, int skipped)
    {
        string? file = new[] { "../shared", "../../shared" }.Select(up => Path.Combine(VectorFile.Root, up, "vectors/wycheproof",
            $"{name}_test.json")).FirstOrDefault(File.Exists);
        if (file is null)
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: 0 accepted, 0 rejected, {accepted + rejected + skipped} skipped: not beside the project");
            Assert.False(Directory.Exists(Path.Combine(VectorFile.Root, "../shared/vectors/wycheproof")), $"the folder is there, but not {name}");
            return;
        }
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
        int accept = 0, reject = 0, skip = 0;
        foreach (JsonElement group in document.RootElement.GetProperty("testGroups").EnumerateArray())
        {
            foreach (JsonElement test in group.GetProperty("tests").EnumerateArray())
            {
                bool mustPass = test.GetProperty("result").GetString() == "valid";
                switch (Run(name, group, test))
                {
                    case null:
                        skip++;
                        continue;
                    case true when mustPass:
                        accept++;
                        break;
                    case false when !mustPass:
                        reject++;
                        break;
                    default:
                        Assert.Fail($"{name} {test.GetProperty("tcId")}: {test.GetProperty("comment")}");
                        break;
                }
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {accept} accepted, {reject} rejected, {skip} skipped");
        Assert.Equal((accepted, rejected, skipped), (accept, reject, skip));
    }

    private static bool? Run(string name, JsonElement group, JsonElement test) => name switch
    {
        "aes_gcm" => AesGcmPasses(group, test),
        "chacha20_poly1305" => ChaChaPasses(group, test),
        "hmac_sha256" => group.GetProperty("tagSize").GetInt32() != 256 ? null : HMACSHA256.HashData(Hex(test, "key"), Hex(test,
            "msg")).AsSpan().SequenceEqual(Hex(test, "tag")),
        "hkdf_sha256" => HkdfPasses(test),
        "ed25519" => SigningKey.Verify(Hex(group.GetProperty("publicKey"), "pk"), Hex(test, "msg"), Hex(test, "sig")),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };

    private static bool? AesGcmPasses(JsonElement group, JsonElement test)
    {
        if (group.GetProperty("keySize").GetInt32() != 256 || group.GetProperty("ivSize").GetInt32() != 96)
            return null;
        using var aes = new AesGcm(Hex(test, "key"), 16);
        byte[] ciphertext = Hex(test, "ct"), plaintext = new byte[ciphertext.Length];
        try
        {
            aes.Decrypt(Hex(test, "iv"), ciphertext, Hex(test, "tag"), plaintext, Hex(test, "aad"));
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
        byte[] again = new byte[ciphertext.Length], tag = new byte[16];
        aes.Encrypt(Hex(test, "iv"), plaintext, again, tag, Hex(test, "aad"));
        return plaintext.AsSpan().SequenceEqual(Hex(test, "msg")) && again.AsSpan().SequenceEqual(ciphertext) && tag.AsSpan().SequenceEqual(Hex(test, "tag"));
    }

    private static bool? ChaChaPasses(JsonElement group, JsonElement test)
    {
        if (group.GetProperty("keySize").GetInt32() != 256 || group.GetProperty("ivSize").GetInt32() != 96)
            return null;
        using var chacha = new ChaCha20Poly1305(Hex(test, "key"));
        byte[] ciphertext = Hex(test, "ct"), plaintext = new byte[ciphertext.Length];
        try
        {
            chacha.Decrypt(Hex(test, "iv"), ciphertext, Hex(test, "tag"), plaintext, Hex(test, "aad"));
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
        return plaintext.AsSpan().SequenceEqual(Hex(test, "msg"));
    }

    private static bool HkdfPasses(JsonElement test)
    {
        try
        {
            return HKDF.DeriveKey(HashAlgorithmName.SHA256, Hex(test, "ikm"), test.GetProperty("size").GetInt32(), Hex(test, "salt"), Hex(test, "info"))
                .AsSpan().SequenceEqual(Hex(test, "okm"));
        }
        catch (ArgumentOutOfRangeException)
        {
            return false;
        }
    }

    private static byte[] Hex(JsonElement parent, string name) => Convert.FromHexString(parent.GetProperty(name).GetString()!);
}
