namespace VmPod.Vault.Cells;

/// <summary>Signs and checks heads for the store, which has no keys of its own. Thread-safe.</summary>
public interface IHeadAuthority
{
    /// <summary>Writes the Ed25519 signature (64 bytes) of the log key over <paramref name="message"/>.</summary>
    void Sign(ReadOnlySpan<byte> message, Span<byte> signature);

    /// <summary>Whether the signature is the log key's over <paramref name="message"/>.</summary>
    bool Verify(ReadOnlySpan<byte> message, ReadOnlySpan<byte> signature);
}
