using System.Buffers;
using VmPod.Foundation;

namespace VmPod.HostGuard.Control;

/// <summary>Lines of JSON over a stream, bounded.</summary>
internal static class ControlWire
{
    // A status is about a kilobyte; a request line with long paths a few.
    private const int LineBytesMax = 64 * 1024;

    /// <summary>Reads one line, byte by byte so that nothing behind it is taken.</summary>
    /// <exception cref="IOException">The peer closed, or the line is too long.</exception>
    public static async Task<byte[]> ReadLineAsync(Stream stream, CancellationToken cancel)
    {
        var line = new ArrayBufferWriter<byte>();
        byte[] one = new byte[1];
        while (await stream.ReadAsync(one, cancel) == 1)
        {
            if (one[0] == (byte)'\n')
                return line.WrittenSpan.ToArray();
            if (line.WrittenCount == LineBytesMax)
                throw new IOException("A line is too long.");
            line.Write(one);
        }
        throw new IOException("The other side ended.");
    }

    /// <summary>Writes one line.</summary>
    public static async Task WriteLineAsync(Stream stream, byte[] line, CancellationToken cancel)
    {
        await stream.WriteAsync(line, cancel);
        await stream.WriteAsync("\n"u8.ToArray(), cancel);
        await stream.FlushAsync(cancel);
    }

    /// <summary>Throws what a reply says went wrong.</summary>
    public static ControlReply Checked(ControlReply reply) => reply.ExitCode == 0 ? reply
        : throw new VmPodException((ExitCode)reply.ExitCode, reply.Error ?? "The session process gave no reason.", reply.Hint);
}
