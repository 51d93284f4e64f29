namespace VmPod.Sync.Wire;

/// <summary>A request with one reply.</summary>
internal sealed class PendingReply<TReply>(Func<TReply, bool>? isAnswer) : PendingRequest
    where TReply : class, IWireReply<TReply>
{
    /// <summary>The reply, once <see cref="PendingRequest.Done"/> ended well.</summary>
    internal TReply? Reply { get; private set; }

    /// <inheritdoc/>
    protected override bool Read(WireType type, ReadOnlySpan<byte> body, bool isAbandoned, ref Exception? fault, out bool isLast)
    {
        isLast = true;
        if (type != TReply.ReplyType || !TReply.TryRead(body, out TReply? reply) || isAnswer?.Invoke(reply) == false)
            return false;
        Reply = reply;
        return true;
    }
}
