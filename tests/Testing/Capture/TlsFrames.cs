using System.Buffers.Binary;

namespace VmPod.Testing;

/// <summary>
/// The lengths of the frames inside one direction of a TLS 1.3 connection, told from the lengths of its records, which stand in the clear.
/// </summary>
/// <remarks>
/// The channel gives TLS one frame at a time, and TLS makes of n bytes n / 16,384 full records and one with what is left. So a record that is not full ends a
/// frame, and the length of the frame is known to whoever listens: that is what sizes on this wire can tell, no more and no less.
/// </remarks>
internal sealed class TlsFrames(Action<long> take)
{
    /// <summary>Bytes of content in a full record (RFC 8446, 5.1).</summary>
    private const int FullBytes = 16_384;

    // Beyond its content a record holds its true type and the tag of AES-GCM.
    private const int ExtraBytes = 1 + 16, HeaderBytes = 5, ApplicationData = 23, TypeFirst = 20;

    private readonly byte[] header = new byte[HeaderBytes];
    private int inHeader, inBody;
    private long frame;

    /// <summary>The next bytes.</summary>
    /// <exception cref="FormatException">This is not TLS 1.3.</exception>
    internal void Add(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (inBody > 0)
            {
                int skipped = Math.Min(inBody, bytes.Length);
                inBody -= skipped;
                bytes = bytes[skipped..];
                if (inBody == 0)
                    EndRecord();
                continue;
            }
            int copied = Math.Min(HeaderBytes - inHeader, bytes.Length);
            bytes[..copied].CopyTo(header.AsSpan(inHeader));
            inHeader += copied;
            bytes = bytes[copied..];
            if (inHeader == HeaderBytes)
                BeginRecord();
        }
    }

    private void BeginRecord()
    {
        inHeader = 0;
        inBody = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(3));
        if (header[0] is < TypeFirst or > ApplicationData || header[1] != 3 || inBody == 0 || inBody > FullBytes + 256)
            throw new FormatException("There is something else than TLS on the wire.");
    }

    private void EndRecord()
    {
        // The first messages of the handshake are in the clear, and no frames.
        if (header[0] != ApplicationData)
            return;
        int content = BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(3)) - ExtraBytes;
        frame += content;
        if (content == FullBytes)
            return;
        take(frame);
        frame = 0;
    }
}
