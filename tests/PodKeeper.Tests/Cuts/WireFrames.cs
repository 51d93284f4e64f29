using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Tests.Cuts;

/// <summary>The frames in a run of bytes, as S-60 has them.</summary>
internal static class WireFrames
{
    /// <summary>One of them.</summary>
    /// <param name="At">Where it begins.</param>
    /// <param name="Header">Its header.</param>
    /// <param name="Body">What of its body is there.</param>
    internal readonly record struct Found(int At, FrameHeader Header, ReadOnlyMemory<byte> Body)
    {
        /// <summary>False if the bytes end within it.</summary>
        internal bool IsWhole => Header.BodyBytes == Body.Length;

        internal int End => At + WireLimits.HeaderBytes + Body.Length;
    }

    /// <summary>All of them, the last one perhaps not whole. Bytes that cannot be a frame end it.</summary>
    internal static IEnumerable<Found> In(ReadOnlyMemory<byte> bytes)
    {
        for (int at = 0; at + WireLimits.HeaderBytes <= bytes.Length;)
        {
            FrameHeader header = FrameHeader.Read(bytes.Span[at..]);
            if (header.BodyBytes < 0)
                yield break;
            int begin = at + WireLimits.HeaderBytes;
            var found = new Found(at, header, bytes.Slice(begin, (int)Math.Min(header.BodyBytes, bytes.Length - begin)));
            yield return found;
            if (!found.IsWhole)
                yield break;
            at = found.End;
        }
    }

    /// <summary>A message as a frame.</summary>
    internal static byte[] Of(IWireMessage message, uint request)
    {
        byte[] frame = new byte[WireLimits.HeaderBytes + message.BodyBytes];
        new FrameHeader(message.Type, request, message.BodyBytes).WriteTo(frame);
        message.WriteTo(frame.AsSpan(WireLimits.HeaderBytes));
        return frame;
    }

    /// <summary>Bytes as a frame.</summary>
    internal static byte[] Of(WireType type, uint request, ReadOnlySpan<byte> body)
    {
        byte[] frame = new byte[WireLimits.HeaderBytes + body.Length];
        new FrameHeader(type, request, body.Length).WriteTo(frame);
        body.CopyTo(frame.AsSpan(WireLimits.HeaderBytes));
        return frame;
    }
}
