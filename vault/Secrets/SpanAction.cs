namespace VmPod.Secrets;

/// <summary>Writes a secret in place, so that no intermediate array exists.</summary>
/// <param name="destination">All bytes of the new secret, zeroed.</param>
public delegate void SpanAction(Span<byte> destination);
