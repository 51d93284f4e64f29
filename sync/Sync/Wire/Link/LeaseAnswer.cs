namespace VmPod.Sync.Wire;

/// <summary>The answer to one OPEN_LEASE.</summary>
public sealed class LeaseAnswer
{
    private readonly FrameSender sender;
    private readonly uint request;

    internal LeaseAnswer(FrameSender sender, uint request)
    {
        this.sender = sender;
        this.request = request;
    }

    internal bool IsSent { get; private set; }

    /// <summary>Sends the lease. The key goes from the caller's memory into the link's.</summary>
    /// <exception cref="Foundation.VmPodException">The link is lost (exit code 7).</exception>
    public void Send(LeaseReply lease, ReadOnlySpan<byte> leaseKey)
    {
        ArgumentNullException.ThrowIfNull(lease);
        if (IsSent)
            throw new InvalidOperationException("A request is answered once.");
        FrameBlock block = sender.Reserve(WireType.Lease, request, lease.BodyBytes, urgent: true);
        try
        {
            lease.WriteTo(block.Span[WireLimits.HeaderBytes..], leaseKey);
        }
        catch
        {
            block.Return();
            throw;
        }
        IsSent = true;
        sender.Send(block, urgent: true);
    }
}
