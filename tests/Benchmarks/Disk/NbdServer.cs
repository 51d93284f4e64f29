using System.Buffers.Binary;
using System.Net.Sockets;
using VmPod.HostGuard.Mount;

namespace VmPod.Benchmarks.Disk;

/// <summary>
/// One disk over one connection of the NBD protocol (fixed newstyle, NBD_OPT_GO, simple replies; the protocol's doc/proto.md), to be measured against the
/// same disk as a file of the mount. Requests are answered by as many threads as the mount has, in any order.
/// </summary>
/// <remarks>The threads take turns at reading a request and at writing an answer: none hands a request to another one, which would cost a
/// wake-up each.</remarks>
internal sealed class NbdServer : IDisposable
{
    private const ulong Magic = 0x4E42444D41474943, OptionMagic = 0x49484156454F5054, OptionReplyMagic = 0x3E889045565A9;
    private const uint RequestMagic = 0x25609513, ReplyMagic = 0x67446698;
    private const uint OptionGo = 7, OptionAbort = 2, ReplyAck = 1, ReplyInfo = 3, ReplyUnsupported = 0x80000001;
    private const ushort FixedNewstyleNoZeroes = 3, HasFlagsSendsFlush = 1 | 4;
    private const ushort CommandRead = 0, CommandWrite = 1, CommandDisconnect = 2, CommandFlush = 3;
    private const int RequestBytes = 28, ReplyBytes = 16, OptionBytesMax = 4096, PayloadBytesMax = 32 << 20;
    private const uint EINVAL = 22;

    private readonly Socket socket;
    private readonly MountedFile disk;
    private readonly Lock receiving = new(), sending = new();
    private readonly List<Thread> threads = [];
    private bool isOver;

    /// <summary>Serves until the client disconnects or this is disposed.</summary>
    public NbdServer(Socket socket, MountedFile disk, int threadCount)
    {
        (this.socket, this.disk) = (socket, disk);
        var first = new Thread(() =>
        {
            if (!Negotiate())
                return;
            for (int i = 1; i < threadCount; i++)
            {
                var other = new Thread(Serve) { IsBackground = true };
                lock (threads)
                    threads.Add(other);
                other.Start();
            }
            Serve();
        })
        { IsBackground = true };
        threads.Add(first);
        first.Start();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        socket.Dispose();
        foreach (Thread thread in threads.ToArray())
            thread.Join();
    }

    private bool Negotiate()
    {
        // greeting := { "NBDMAGIC" | "IHAVEOPT" | flags }
        byte[] greeting = new byte[18];
        BinaryPrimitives.WriteUInt64BigEndian(greeting, Magic);
        BinaryPrimitives.WriteUInt64BigEndian(greeting.AsSpan(8), OptionMagic);
        BinaryPrimitives.WriteUInt16BigEndian(greeting.AsSpan(16), FixedNewstyleNoZeroes);
        Send(greeting);
        byte[] head = new byte[16];
        if (!Receive(head.AsSpan(0, 4)))
            return false;
        while (Receive(head))
        {
            uint option = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(8)), length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(12));
            if (BinaryPrimitives.ReadUInt64BigEndian(head) != OptionMagic || length > OptionBytesMax || !Receive(new byte[length]))
                return false;
            if (option == OptionAbort)
                return false;
            if (option != OptionGo)
            {
                SendOptionReply(option, ReplyUnsupported, []);
                continue;
            }
            // export := { NBD_INFO_EXPORT = 0 | size | flags }
            byte[] export = new byte[12];
            BinaryPrimitives.WriteUInt64BigEndian(export.AsSpan(2), (ulong)disk.Size);
            BinaryPrimitives.WriteUInt16BigEndian(export.AsSpan(10), HasFlagsSendsFlush);
            SendOptionReply(option, ReplyInfo, export);
            SendOptionReply(option, ReplyAck, []);
            return true;
        }
        return false;
    }

    private void SendOptionReply(uint option, uint type, ReadOnlySpan<byte> data)
    {
        byte[] reply = new byte[20 + data.Length];
        BinaryPrimitives.WriteUInt64BigEndian(reply, OptionReplyMagic);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(8), option);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(12), type);
        BinaryPrimitives.WriteInt32BigEndian(reply.AsSpan(16), data.Length);
        data.CopyTo(reply.AsSpan(20));
        Send(reply);
    }

    private void Serve()
    {
        byte[] request = new byte[RequestBytes], buffer = new byte[ReplyBytes + (1 << 20)];
        while (true)
        {
            ushort command;
            ulong offset;
            int length;
            lock (receiving)
            {
                if (isOver || !Receive(request) || BinaryPrimitives.ReadUInt32BigEndian(request) != RequestMagic)
                {
                    isOver = true;
                    return;
                }
                command = BinaryPrimitives.ReadUInt16BigEndian(request.AsSpan(6));
                offset = BinaryPrimitives.ReadUInt64BigEndian(request.AsSpan(16));
                uint asked = BinaryPrimitives.ReadUInt32BigEndian(request.AsSpan(24));
                isOver = command == CommandDisconnect || asked > PayloadBytesMax;
                if (isOver)
                    return;
                length = (int)asked;
                if (buffer.Length < ReplyBytes + length)
                    buffer = new byte[ReplyBytes + length];
                if (command == CommandWrite && !Receive(buffer.AsSpan(ReplyBytes, length)))
                {
                    isOver = true;
                    return;
                }
            }
            Answer(request, buffer, command, offset, length);
        }
    }

    private void Answer(ReadOnlySpan<byte> request, byte[] buffer, ushort command, ulong offset, int length)
    {
        bool isInside = offset + (ulong)length <= (ulong)disk.Size;
        uint error = 0;
        Span<byte> data = buffer.AsSpan(ReplyBytes, length);
        if (command == CommandRead && isInside)
            disk.Read((long)offset, data);
        else if (command == CommandWrite && isInside)
            disk.Write((long)offset, data);
        else if (command == CommandFlush)
            disk.Flush();
        else
            error = EINVAL;
        // reply := { magic | error | cookie of the request | data }
        BinaryPrimitives.WriteUInt32BigEndian(buffer, ReplyMagic);
        BinaryPrimitives.WriteUInt32BigEndian(buffer.AsSpan(4), error);
        request.Slice(8, 8).CopyTo(buffer.AsSpan(8));
        lock (sending)
            Send(buffer.AsSpan(0, ReplyBytes + (command == CommandRead && error == 0 ? length : 0)));
    }

    private bool Receive(Span<byte> into)
    {
        try
        {
            while (into.Length > 0)
            {
                int got = socket.Receive(into);
                if (got == 0)
                    return false;
                into = into[got..];
            }
            return true;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private void Send(ReadOnlySpan<byte> bytes)
    {
        try
        {
            while (bytes.Length > 0)
                bytes = bytes[socket.Send(bytes)..];
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client went; the next receive says so too.
        }
    }
}
