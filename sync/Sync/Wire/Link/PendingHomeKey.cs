namespace VmPod.Sync.Wire;

/// <summary>A GET_HOME_KEY: the key is lent to the caller while it is in the frame.</summary>
internal sealed class PendingHomeKey(Action<ReadOnlySpan<byte>> takeKey) : PendingRequest
{
    /// <inheritdoc/>
    protected override bool Read(WireType type, ReadOnlySpan<byte> body, bool isAbandoned, ref Exception? fault, out bool isLast)
    {
        isLast = true;
        if (type != WireType.HomeKey || !HomeKeyReply.TryRead(body, out ReadOnlySpan<byte> key))
            return false;
        if (isAbandoned)
            return true;
        try
        {
            takeKey(key);
        }
        catch (Exception e)     // the caller's own, which gets it back
        {
            fault = e;
        }
        return true;
    }
}
