namespace VmPod.Sync.Wire;

/// <summary>A message that knows its bytes.</summary>
public interface IWireMessage
{
    /// <summary>Its type byte.</summary>
    WireType Type { get; }

    /// <summary>Bytes of its body.</summary>
    int BodyBytes { get; }

    /// <summary>Writes the body into exactly <see cref="BodyBytes"/> bytes.</summary>
    /// <exception cref="ArgumentException">A field is not within the limits: a bug of the caller.</exception>
    void WriteTo(Span<byte> body);
}
