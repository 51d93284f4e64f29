namespace VmPod.Sync.Wire;

/// <summary>The answer to one GET_HOME_KEY.</summary>
public sealed class HomeKeyAnswer
{
    private readonly FrameSender sender;
    private readonly uint request;

    internal HomeKeyAnswer(FrameSender sender, uint request)
    {
        this.sender = sender;
        this.request = request;
    }

    internal bool IsSent { get; private set; }

    /// <summary>Sends the key, 32 bytes, from the caller's memory into the link's.</summary>
    /// <exception cref="Foundation.VmPodException">The link is lost (exit code 7).</exception>
    public void Send(ReadOnlySpan<byte> homeKey)
    {
        if (IsSent)
            throw new InvalidOperationException("A request is answered once.");
        ArgumentOutOfRangeException.ThrowIfNotEqual(homeKey.Length, WireRule.KeyBytes);
        FrameBlock block = sender.Reserve(WireType.HomeKey, request, homeKey.Length, urgent: true);
        homeKey.CopyTo(block.Span[WireLimits.HeaderBytes..]);
        IsSent = true;
        sender.Send(block, urgent: true);
    }
}
