using System.Diagnostics.CodeAnalysis;

namespace VmPod.Sync.Wire;

/// <summary>A reply that ends its request.</summary>
public interface IWireReply<TSelf> : IWireMessage
    where TSelf : class, IWireReply<TSelf>
{
    /// <summary>The type byte of this reply.</summary>
    static abstract WireType ReplyType { get; }

    /// <summary>Reads a body. False unless it is canonical and within the limits.</summary>
    static abstract bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out TSelf? message);
}
