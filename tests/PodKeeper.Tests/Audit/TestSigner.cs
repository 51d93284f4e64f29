using NSec.Cryptography;
using VmPod.Audit;

namespace VmPod.PodKeeper.Tests.Audit;

/// <summary>A log key from a seed, so that a child process signs with the same.</summary>
internal sealed class TestSigner : IAuditSigner, IDisposable
{
    private readonly Key key;

    internal TestSigner(byte seed = 1)
    {
        byte[] bytes = new byte[32];
        bytes[0] = seed;
        key = Key.Import(SignatureAlgorithm.Ed25519, bytes, KeyBlobFormat.RawPrivateKey);
    }

    public byte[] PublicKey => key.PublicKey.Export(KeyBlobFormat.RawPublicKey);

    public string Name => "vmpod.test/pod";

    internal AuditLogKey LogKey => new(Name, PublicKey);

    internal bool Fails { get; set; }

    public void Sign(ReadOnlySpan<byte> message, Span<byte> signature)
    {
        if (Fails)
            throw new InvalidOperationException("The test's key is gone.");
        SignatureAlgorithm.Ed25519.Sign(key, message, signature);
    }

    public void Dispose() => key.Dispose();
}
