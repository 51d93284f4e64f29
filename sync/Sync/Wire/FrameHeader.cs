using System.Buffers.Binary;

namespace VmPod.Sync.Wire;

/// <summary>The nine bytes before a body: <c>{ length 4 | type 1 | request 4 }</c>; the length counts what follows it.</summary>
/// <param name="Type">The type byte, known or not.</param>
/// <param name="Request">The request's number; 0 for what is no request and no reply.</param>
/// <param name="BodyBytes">Bytes of the body, as the peer says: -1 if the length cannot be right.</param>
public readonly record struct FrameHeader(WireType Type, uint Request, long BodyBytes)
{
    /// <summary>Reads the nine bytes; nothing is checked yet but that the length counts type and request.</summary>
    public static FrameHeader Read(ReadOnlySpan<byte> from)
    {
        uint length = BinaryPrimitives.ReadUInt32BigEndian(from);
        return new((WireType)from[4], BinaryPrimitives.ReadUInt32BigEndian(from[5..]),
            length < WireLimits.CountedHeaderBytes ? -1 : length - (long)WireLimits.CountedHeaderBytes);
    }

    /// <summary>Writes the nine bytes.</summary>
    public void WriteTo(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt32BigEndian(into, (uint)(BodyBytes + WireLimits.CountedHeaderBytes));
        into[4] = (byte)Type;
        BinaryPrimitives.WriteUInt32BigEndian(into[5..], Request);
    }
}
