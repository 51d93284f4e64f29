using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>Looks for a reply in what comes, each byte once.</summary>
internal sealed class ReplyWatch(uint request)
{
    private int at;

    /// <summary>True once a frame with the number has begun.</summary>
    internal bool IsThere(ReadOnlySpan<byte> arrived)
    {
        while (at + WireLimits.HeaderBytes <= arrived.Length)
        {
            FrameHeader header = FrameHeader.Read(arrived[at..]);
            if (header.Request == request)
                return true;
            at += WireLimits.HeaderBytes + (int)header.BodyBytes;
        }
        return false;
    }
}
