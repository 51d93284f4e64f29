using System.Security.Cryptography;

namespace VmPod.Sync.Channel;

/// <summary>An array for BouncyCastle, which takes no spans: pinned, so that the collector leaves no copy behind, and zeroed when disposed.</summary>
/// <remarks>Known limit: what BouncyCastle derives from it (traffic keys, the exporter, ML-KEM keys) lies in ordinary arrays for the life of the
/// connection, neither locked nor pinned; some of it BouncyCastle zeroes itself when it closes.</remarks>
internal sealed class PinnedBytes : IDisposable
{
    internal PinnedBytes(ReadOnlySpan<byte> secret)
    {
        Array = GC.AllocateUninitializedArray<byte>(secret.Length, pinned: true);
        secret.CopyTo(Array);
    }

    /// <summary>The bytes themselves, lent.</summary>
    internal byte[] Array { get; }

    /// <summary>Zeroes them.</summary>
    public void Dispose() => CryptographicOperations.ZeroMemory(Array);
}
