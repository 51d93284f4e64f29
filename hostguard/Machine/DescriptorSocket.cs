using System.Net.Sockets;
using System.Runtime.InteropServices;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>Connected pairs of unix sockets, and sending a descriptor along with bytes (SCM_RIGHTS).</summary>
internal static unsafe class DescriptorSocket
{
    private const int AF_UNIX = 1;

    /// <summary>Two connected stream sockets: one for us, one for a child to inherit. Nobody else can ever connect to them.</summary>
    public static (Socket Ours, SafeSocketHandle Theirs) Pair()
    {
        const int SOCK_STREAM = 1, SOCK_CLOEXEC = 0x80000;
        int* pair = stackalloc int[2];
        if (Interop.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
            throw Libc.Failure("socketpair");
        return (new Socket(new SafeSocketHandle(pair[0], ownsHandle: true)), new SafeSocketHandle(pair[1], ownsHandle: true));
    }

    /// <summary>
    /// Sends bytes with a descriptor attached to the first of them; how many bytes went out (at least 1). The receiver gets a copy of the
    /// descriptor.
    /// </summary>
    /// <exception cref="IOException">The socket's buffer is full or the other side is gone.</exception>
    public static int Send(Socket socket, ReadOnlySpan<byte> bytes, SafeHandle descriptor)
    {
        const int SOL_SOCKET = 1, SCM_RIGHTS = 1, MSG_NOSIGNAL = 0x4000;
        bool added = false;
        try
        {
            descriptor.DangerousAddRef(ref added);
            // control := { cmsg_len = 20 | SOL_SOCKET | SCM_RIGHTS | fd | ____ }
            var control = new Interop.DescriptorMessage
            {
                Length = 20,
                Level = SOL_SOCKET,
                Type = SCM_RIGHTS,
                Descriptor = (int)descriptor.DangerousGetHandle(),
            };
            fixed (byte* data = bytes)
            {
                var vector = new Interop.IoVec { Base = data, Length = (nuint)bytes.Length };
                var message = new Interop.MsgHdr
                {
                    Vectors = &vector,
                    VectorCount = 1,
                    Control = &control,
                    ControlLength = (nuint)sizeof(Interop.DescriptorMessage),
                };
                nint sent = Interop.sendmsg(socket.SafeHandle, &message, MSG_NOSIGNAL);
                return sent <= 0 ? throw Libc.Failure("sendmsg") : (int)sent;
            }
        }
        finally
        {
            if (added)
                descriptor.DangerousRelease();
        }
    }
}
