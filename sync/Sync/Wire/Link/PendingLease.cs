namespace VmPod.Sync.Wire;

/// <summary>An OPEN_LEASE: the key is lent to the caller while it is in the frame.</summary>
internal sealed class PendingLease(Action<ReadOnlySpan<byte>> takeKey) : PendingRequest
{
    internal LeaseReply? Reply { get; private set; }

    /// <inheritdoc/>
    protected override bool Read(WireType type, ReadOnlySpan<byte> body, bool isAbandoned, ref Exception? fault, out bool isLast)
    {
        isLast = true;
        if (type != WireType.Lease || !LeaseReply.TryRead(body, out LeaseReply? reply))
            return false;
        Reply = reply;
        if (isAbandoned)
            return true;
        try
        {
            takeKey(LeaseReply.KeyIn(body));
        }
        catch (Exception e)     // the caller's own, which gets it back
        {
            fault = e;
        }
        return true;
    }
}
