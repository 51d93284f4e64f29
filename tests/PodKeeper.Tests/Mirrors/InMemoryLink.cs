using System.IO.Pipes;
using VmPod.PodKeeper.Mirrors;
using VmPod.Sync.Mirror;

namespace VmPod.PodKeeper.Tests.Mirrors;

/// <summary>A mirror behind two pipes, as ssh would have it, that keeps what each side said.</summary>
internal sealed class InMemoryLink(string mirror, TimeProvider time) : IDisposable
{
    private readonly AnonymousPipeServerStream toServer = new(PipeDirection.Out), toClient = new(PipeDirection.Out);
    private Kept? client, server;
    private Thread? answering;

    internal MirrorClient Connect()
    {
        var heardByServer = new AnonymousPipeClientStream(PipeDirection.In, toServer.ClientSafePipeHandle);
        var heardByClient = new AnonymousPipeClientStream(PipeDirection.In, toClient.ClientSafePipeHandle);
        (client, server) = (new Kept(toServer), new Kept(toClient));
        answering = new Thread(() =>
        {
            using (var one = new MirrorServer(heardByServer, server, () => CopyReader.Open(mirror, time, CancellationToken.None),
                () => new MirrorFolder(mirror, null, false, time, CancellationToken.None)))
                _ = one.Run();
            toClient.Dispose();
        });
        answering.Start();
        return new MirrorClient(heardByClient, client, null);
    }

    internal byte[] SaidByClient() => Of(client!);

    internal byte[] SaidByServer() => Of(server!);

    public void Dispose()
    {
        toServer.Dispose();
        answering?.Join();
        toClient.Dispose();
    }

    private byte[] Of(Kept side)
    {
        toServer.Dispose();
        answering!.Join();
        return side.Written.ToArray();
    }

    private sealed class Kept(Stream onward) : Stream
    {
        internal MemoryStream Written { get; } = new();

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Flush() => onward.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Written.Write(buffer);
            onward.Write(buffer);
        }
    }
}
