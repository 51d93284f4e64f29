using VmPod.Secrets;

namespace VmPod.Sync.Channel;

/// <summary>One key that a server would take, with the identities by which it is asked for. Owns the key.</summary>
internal sealed record PskEntry(IReadOnlyList<byte[]> Identities, SecretBuffer Key) : IDisposable
{
    /// <summary>Zeroes the key.</summary>
    public void Dispose() => Key.Dispose();

    /// <summary>The type, never the key.</summary>
    public override string ToString() => nameof(PskEntry);
}
