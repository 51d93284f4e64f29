using System.Security.Cryptography;
using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Cells;

/// <summary>Stands for the log key: the store is keyless, so that any signature will do. HMAC-SHA-512 under a key that only the test
/// knows.</summary>
internal sealed class FakeAuthority : IHeadAuthority
{
    private readonly byte[] _key;

    internal FakeAuthority(byte keyByte = 7) => _key = Enumerable.Repeat(keyByte, 32).ToArray();

    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature) => HMACSHA512.HashData(_key, message, signature);

    public bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature)
    {
        Span<byte> expected = stackalloc byte[64];
        HMACSHA512.HashData(_key, message, expected);
        return expected.SequenceEqual(signature);
    }
}
