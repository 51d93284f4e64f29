using Org.BouncyCastle.Tls;
using VmPod.Foundation;

namespace VmPod.Sync.Channel;

/// <summary>
/// The bytes of a channel, both ways: one thread may read while another writes. What is read was authenticated; 0 is the other side's farewell,
/// a link that ended without one is an error (exit code 7).
/// </summary>
/// <remarks><see cref="ReadTimeout"/> and <see cref="WriteTimeout"/> are of the connection; a timeout ends the channel, it cannot be tried again.</remarks>
internal sealed class ChannelStream(TlsProtocol protocol, LinkStream link) : Stream
{
    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override bool CanTimeout => true;

    public override int ReadTimeout
    {
        get => link.ReadTimeout;
        set => link.ReadTimeout = value;
    }

    public override int WriteTimeout
    {
        get => link.WriteTimeout;
        set => link.WriteTimeout = value;
    }

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        try
        {
            return Math.Max(protocol.ReadApplicationData(buffer), 0);
        }
        catch (Exception e) when (IsLink(e))
        {
            throw ChannelErrors.OfData(e);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            protocol.WriteApplicationData(buffer);
        }
        catch (Exception e) when (IsLink(e))
        {
            throw ChannelErrors.OfData(e);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    // BouncyCastle answers a use after the end with InvalidOperationException, and a socket that another thread closed with its own.
    private static bool IsLink(Exception e) => e is IOException or InvalidOperationException or VmPodException;
}
