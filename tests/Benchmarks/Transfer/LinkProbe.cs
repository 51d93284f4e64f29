using System.Buffers.Binary;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using VmPod.Testing;

namespace VmPod.Benchmarks.Transfer;

/// <summary>What a <see cref="ShapedLink"/> gives one plain TCP stream, measured through the same relay as everything else: so rates and delays are found, not
/// believed.</summary>
internal static class LinkProbe
{
    /// <summary>Its port on the pod.</summary>
    public const int Port = 7499;

    private const string EndVerb = "transfer-link-end", Verb = "transfer-link-probe", Ready = "answering";
    private const int PieceBytes = 64 * 1024, RoundTrips = 5;

    // Of a stream; unlimited links get what 1 Gbit/s would take.
    private const double StreamSeconds = 2, BytesPerSecondMost = 125e6;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    /// <summary>The hidden commands that are the two ends.</summary>
    public static IReadOnlyList<System.CommandLine.Command> Commands()
    {
        var end = new System.CommandLine.Command(EndVerb, "The pod's end of `bench transfer`'s link.") { Hidden = true };
        end.SetAction(_ => Answer());
        var bytes = new Argument<long>("BYTES");
        var probe = new System.CommandLine.Command(Verb, "The host's end of `bench transfer`'s link.") { bytes };
        probe.Hidden = true;
        probe.SetAction(result => Console.Out.WriteLine(JsonSerializer.Serialize(Measure(result.GetRequiredValue(bytes)))));
        return [end, probe];
    }

    /// <summary>Measures a link.</summary>
    public static async Task<LinkFound> RunAsync(ShapedLink link, LinkShape shape)
    {
        await using CliProcess end = Self.In(link.Pod).Start([EndVerb]);
        await end.WaitForLineAsync(StartLimit);
        long bytes = (long)(Math.Min(shape.BytesPerSecond, BytesPerSecondMost) * StreamSeconds);
        CliResult result = await Self.In(link.Host).RunAsync([Verb, bytes.ToString(CultureInfo.InvariantCulture)]);
        return JsonSerializer.Deserialize<LinkFound>(result.MustSucceed().Output)!;
    }

    // A connection is one question: how many bytes come (and are answered by one), how many are wanted back.
    private static void Answer()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(ShapedLink.PodAddress), Port));
        listener.Listen();
        Console.Out.WriteLine(Ready);
        byte[] piece = new byte[PieceBytes];
        while (true)
        {
            using Socket peer = listener.Accept();
            peer.NoDelay = true;
            Receive(peer, 16, piece);
            long coming = BinaryPrimitives.ReadInt64LittleEndian(piece), wanted = BinaryPrimitives.ReadInt64LittleEndian(piece.AsSpan(8));
            Receive(peer, coming, piece);
            Send(peer, wanted, piece);
            // The other side closes first.
            _ = peer.Receive(piece);
        }
    }

    private static LinkFound Measure(long bytes)
    {
        byte[] piece = new byte[PieceBytes];
        double Ask(long up, long down)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(new IPEndPoint(IPAddress.Parse(ShapedLink.RelayAddress), Port));
            socket.NoDelay = true;
            BinaryPrimitives.WriteInt64LittleEndian(piece, up);
            BinaryPrimitives.WriteInt64LittleEndian(piece.AsSpan(8), down);
            socket.Send(piece.AsSpan(0, 16));
            long started = Stopwatch.GetTimestamp();
            Send(socket, up, piece);
            Receive(socket, down, piece);
            return Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        // A connection is open after a round trip, and its first answer comes after one more. The first one pays for the JIT.
        double[] trips = [.. Enumerable.Range(0, RoundTrips + 1).Select(_ => Ask(1, 1)).Skip(1).Order()];
        double trip = trips[RoundTrips / 2];
        return new LinkFound(trip / 2 * 1000, bytes * 8 / 1e6 / Math.Max(1e-6, Ask(bytes, 1) - trip), bytes * 8 / 1e6 / Math.Max(1e-6, Ask(1, bytes) - trip));
    }

    private static void Send(Socket socket, long bytes, byte[] piece)
    {
        while (bytes > 0)
            bytes -= socket.Send(piece.AsSpan(0, (int)Math.Min(piece.Length, bytes)));
    }

    private static void Receive(Socket socket, long bytes, byte[] piece)
    {
        while (bytes > 0)
        {
            int got = socket.Receive(piece.AsSpan(0, (int)Math.Min(piece.Length, bytes)));
            bytes -= got > 0 ? got : throw new IOException("The other end of the probe is gone.");
        }
    }
}
