using System.Buffers.Binary;
using VmPod.Foundation;

namespace VmPod.Sync.Mirror;

/// <summary>Frames of the mirror protocol on a duplex stream: { length u32 | type u8 | body }. Used by one thread.</summary>
/// <param name="input">What the other side says.</param>
/// <param name="output">What this side says.</param>
internal sealed class MirrorFrames(Stream input, Stream output)
{
    private const int OutBytes = 256 * 1024;

    private readonly byte[] outgoing = new byte[OutBytes];
    private readonly byte[] header = new byte[MirrorLimits.HeaderBytes];
    private byte[] body = new byte[64 * 1024];
    private int filled;

    /// <summary>The bound of a PUT's or CELL's cell; 0 until a descriptor is known.</summary>
    internal int CellBytes { get; set; }

    /// <summary>Writes a frame whose body is these pieces. It goes with the next <see cref="Send"/>, or sooner.</summary>
    internal void Write(MirrorType type, ReadOnlySpan<byte> first = default, ReadOnlySpan<byte> second = default)
    {
        Span<byte> start = stackalloc byte[MirrorLimits.HeaderBytes];
        BinaryPrimitives.WriteUInt32BigEndian(start, (uint)(1 + first.Length + second.Length));
        start[4] = (byte)type;
        Put(start);
        Put(first);
        Put(second);
    }

    /// <summary>Sends what was written.</summary>
    internal void Send()
    {
        Guard(() =>
        {
            output.Write(outgoing.AsSpan(0, filled));
            output.Flush();
        });
        filled = 0;
    }

    /// <summary>Reads a frame. Its body is valid until the next call. Null at the end of the stream between two frames.</summary>
    /// <param name="max">The bound of a type's body; -1 for a type that is not expected.</param>
    /// <param name="type">What it is.</param>
    /// <exception cref="VmPodException">It breaks a rule (5); the stream ended within it, or failed (7).</exception>
    internal ReadOnlySpan<byte> Read(Func<MirrorType, int> max, out MirrorType? type)
    {
        type = null;
        int read = 0;
        Guard(() => read = input.ReadAtLeast(header, header.Length, throwOnEndOfStream: false));
        if (read == 0)
            return default;
        if (read < header.Length)
            throw Lost("it ended in the middle of a frame");
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header);
        var kind = (MirrorType)header[4];
        // The bound is that of the type, and is looked at before anything is allocated.
        int bound = max(kind);
        if (bound < 0)
            throw Broken($"a frame of type {header[4]} where none belongs");
        if (length == 0 || length - 1 > bound)
            throw Broken("a frame that is too long");
        int bytes = (int)length - 1;
        if (body.Length < bytes)
            body = new byte[Math.Max(bytes, Math.Min(2 * body.Length, MirrorLimits.BodyBytesMax))];
        Guard(() => read = input.ReadAtLeast(body.AsSpan(0, bytes), bytes, throwOnEndOfStream: false));
        if (read < bytes)
            throw Lost("it ended in the middle of a frame");
        type = kind;
        return body.AsSpan(0, bytes);
    }

    /// <summary>The other side does not keep to the protocol.</summary>
    internal static VmPodException Broken(string what) => new MirrorBrokenException(what);

    internal static VmPodException Lost(string what, Exception? inner = null) => new(ExitCode.LinkLost, $"The link to the mirror was lost: {what}.",
        "Begin again: what came over is there, and only the rest is sent.", inner);

    private void Put(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            if (filled == outgoing.Length)
                Send();
            int count = Math.Min(bytes.Length, outgoing.Length - filled);
            bytes[..count].CopyTo(outgoing.AsSpan(filled));
            filled += count;
            bytes = bytes[count..];
        }
    }

    private static void Guard(Action act)
    {
        try
        {
            act();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw Lost(e is IOException ? e.Message.TrimEnd('.') : "it was closed", e);
        }
    }
}
