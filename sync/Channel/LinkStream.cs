using System.Net.Sockets;
using VmPod.Foundation;

namespace VmPod.Sync.Channel;

/// <summary>A TCP connection under TLS. Until the handshake has ended it counts what the peer sends, and lets the whole take a bounded time.</summary>
/// <remarks>BouncyCastle turns what a stream throws into alerts of its own, so the first reason is kept in <see cref="Failure"/>.</remarks>
internal sealed class LinkStream : Stream
{
    // tcp(7): TCP_NOTSENT_LOWAT, which .NET has no name for.
    private const int TcpLevel = 6, NotSentLowWater = 25;

    private readonly Socket socket;
    private readonly TimeProvider time;
    private readonly long start;
    private readonly int millisecondsMax;
    private volatile bool handshaking = true;
    private int received;

    internal LinkStream(Socket socket, TimeProvider time, int millisecondsMax = ChannelLimits.HandshakeMillisecondsMax)
    {
        this.socket = socket;
        this.time = time;
        this.millisecondsMax = millisecondsMax;
        start = time.GetTimestamp();
        socket.NoDelay = true;
        socket.SetRawSocketOption(TcpLevel, NotSentLowWater, BitConverter.GetBytes(ChannelLimits.UnsentBytesMax));
        // A dead peer is found by the wire's heartbeat, in a fraction of a second.
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, false);
        socket.SendTimeout = ChannelLimits.WriteMillisecondsMax;
    }

    /// <summary>True if the other side closed before the handshake had ended. BouncyCastle answers that with an alert of its own.</summary>
    internal bool EndedEarly { get; private set; }

    /// <summary>Why the link ended, if it was this stream that ended it.</summary>
    internal VmPodException? Failure { get; private set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override bool CanTimeout => true;

    public override int ReadTimeout
    {
        get => socket.ReceiveTimeout == 0 ? Timeout.Infinite : socket.ReceiveTimeout;
        set => socket.ReceiveTimeout = value;
    }

    public override int WriteTimeout
    {
        get => socket.SendTimeout == 0 ? Timeout.Infinite : socket.SendTimeout;
        set => socket.SendTimeout = value;
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
        if (handshaking)
            return ReadOfHandshake(buffer);
        try
        {
            return socket.Receive(buffer);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new IOException(null, e);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            while (buffer.Length > 0)
                buffer = buffer[socket.Send(buffer)..];
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new IOException(null, e);
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <summary>True if there is something to read, the end included.</summary>
    internal bool HasMore
    {
        get
        {
            try
            {
                return socket.Poll(0, SelectMode.SelectRead);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return true;
            }
        }
    }

    /// <summary>As <see cref="SecureChannel.SetPatience"/>.</summary>
    internal void SetPatience(TimeSpan silence, TimeSpan busy)
    {
        ReadTimeout = (int)silence.TotalMilliseconds;
        WriteTimeout = (int)busy.TotalMilliseconds;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, ChannelLimits.KeepAliveSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, ChannelLimits.KeepAliveSeconds);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, ChannelLimits.KeepAliveTries);
    }

    /// <summary>From now on there is no bound of time or bytes: the peer is known.</summary>
    internal void EndHandshake()
    {
        handshaking = false;
        ReadTimeout = Timeout.Infinite;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                // What was sent goes out; without this, unread bytes of the peer would turn the end into a reset, and it would miss our alert.
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
            }
            socket.Dispose();
        }
        base.Dispose(disposing);
    }

    private int ReadOfHandshake(Span<byte> buffer)
    {
        int left = millisecondsMax - (int)Math.Min(time.GetElapsedTime(start).TotalMilliseconds, int.MaxValue / 2);
        if (left <= 0)
            throw Fail(ChannelErrors.Slow(millisecondsMax));
        if (received == ChannelLimits.HandshakeBytesMax)
            throw Fail(ChannelErrors.TooLong());
        try
        {
            socket.ReceiveTimeout = left;
            int read = socket.Receive(buffer[..Math.Min(buffer.Length, ChannelLimits.HandshakeBytesMax - received)]);
            received += read;
            EndedEarly |= read == 0;
            return read;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            throw Fail(ChannelErrors.Slow(millisecondsMax));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw new IOException(null, e);
        }
    }

    private IOException Fail(VmPodException failure)
    {
        Failure ??= failure;
        return new IOException(failure.Message, failure);
    }
}
