using System.Net.Sockets;
using System.Text;
using VmPod.Foundation;
using VmPod.HostGuard.Machine;
using Xunit;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>The control channel against a peer that is not QEMU, or no longer.</summary>
[Trait("Threat", "T-23")]
public sealed class QmpClientTests
{
    private const string Greeting = """{"QMP": {"version": {}, "capabilities": []}}""" + "\r\n";
    private const string Accepted = """{"return": {}, "id": 1}""" + "\r\n";

    // What must come comes long before the first; what never comes is waited for as long as the second.
    private static readonly TimeSpan _limit = TimeSpan.FromSeconds(60), _short = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Replies_and_events_are_kept_apart()
    {
        using var peer = new FakePeer();
        await using QmpClient client = await peer.BecomeQemuAsync(_limit);
        Task<System.Text.Json.JsonElement> command = client.ExecuteAsync("query-status");
        Assert.Equal("""{"execute":"query-status","id":2}""" + "\n", await peer.HeardAsync());

        await peer.SayAsync("""{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}""" + "\r\n" +
            """{"return": {"status": "paused"}, "id": 2}""" + "\r\n");

        System.Text.Json.JsonElement reply = await command;
        Assert.Equal("paused", reply.GetProperty("status").GetString());
        Assert.Equal("STOP", (await client.Events.ReadAsync()).Name);
    }

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("[]\n")]
    [InlineData("{}\n")]
    [InlineData("{\"QMP\": 1}\n")]
    [InlineData("{\"return\": {}, \"id\": 1}\n")]
    [InlineData(Greeting + Accepted)]                                   // an answer before the question
    public async Task A_peer_that_greets_otherwise_is_refused(string greeting)
    {
        using var peer = new FakePeer();
        await peer.SayAsync(greeting);

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => QmpClient.ConnectAsync(peer.Client, _limit));

        Assert.Equal(ExitCode.Damaged, error.ExitCode);
    }

    [Theory]
    [InlineData("{\"return\": {}}\n")]                                  // no id
    [InlineData("{\"return\": {}, \"id\": 3}\n")]                       // nobody asked
    [InlineData("{\"return\": {}, \"id\": \"2\"}\n")]
    [InlineData("{\"return\": {}, \"error\": {}, \"id\": 2}\n")]
    [InlineData("{\"return\": {}, \"id\": 2, \"more\": 1}\n")]
    [InlineData("{\"return\": {}, \"return\": {}, \"id\": 2}\n")]
    [InlineData("{\"error\": \"no\", \"id\": 2}\n")]
    [InlineData("{\"event\": 7, \"timestamp\": {}}\n")]
    [InlineData("{\"event\": \"STOP\"}\n")]
    [InlineData("\n")]
    [InlineData("{\"return\": {}, \"id\": 2\n")]
    [InlineData("nonsense\n")]
    public async Task A_malformed_message_ends_the_connection(string message)
    {
        using var peer = new FakePeer();
        await using QmpClient client = await peer.BecomeQemuAsync(_limit);
        Task<System.Text.Json.JsonElement> command = client.ExecuteAsync("stop");
        await peer.SayAsync(message);

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => command);

        Assert.Equal(ExitCode.Damaged, error.ExitCode);
        await client.Closed;
        Assert.Same(error, await Assert.ThrowsAsync<VmPodException>(() => client.ExecuteAsync("cont")));
    }

    [Fact]
    public async Task A_message_beyond_the_bound_ends_the_connection()
    {
        using var peer = new FakePeer();
        await using QmpClient client = await peer.BecomeQemuAsync(_limit);
        Task<System.Text.Json.JsonElement> command = client.ExecuteAsync("stop");
        Task flood = peer.SayAsync("{\"return\": \"" + new string('x', MachineLimits.QmpMessageBytesMax));

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => command);

        Assert.Contains("1 MiB", error.Message, StringComparison.Ordinal);
        _ = await Record.ExceptionAsync(() => flood);
    }

    [Fact]
    public async Task A_peer_that_says_nothing_is_given_up_within_the_limit()
    {
        using var peer = new FakePeer();
        long started = System.Diagnostics.Stopwatch.GetTimestamp();

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => QmpClient.ConnectAsync(peer.Client, _short));

        Assert.Contains("greet", error.Message, StringComparison.Ordinal);
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(started), _short - TimeSpan.FromMilliseconds(20), _short * 20);
    }

    [Fact]
    public async Task A_late_reply_does_not_answer_the_next_command()
    {
        using var peer = new FakePeer();
        await using QmpClient client = await peer.BecomeQemuAsync(_short);
        _ = await Assert.ThrowsAsync<VmPodException>(() => client.ExecuteAsync("stop"));
        Task<System.Text.Json.JsonElement> next = client.ExecuteAsync("query-status");

        await peer.SayAsync("{\"return\": {\"late\": 1}, \"id\": 2}\n{\"return\": {\"right\": 1}, \"id\": 3}\n");

        Assert.True((await next).TryGetProperty("right", out _));
    }

    [Fact]
    public async Task A_peer_that_goes_away_is_told_from_one_that_is_wrong()
    {
        using var peer = new FakePeer();
        await using QmpClient client = await peer.BecomeQemuAsync(_limit);
        Task<System.Text.Json.JsonElement> command = client.ExecuteAsync("stop");

        peer.Dispose();

        Assert.Equal(ExitCode.Missing, (await Assert.ThrowsAsync<VmPodException>(() => command)).ExitCode);
    }

    [Fact]
    public async Task A_refusal_carries_QEMUs_words_without_control_characters()
    {
        using var peer = new FakePeer();
        await using QmpClient client = await peer.BecomeQemuAsync(_limit);
        Task<System.Text.Json.JsonElement> command = client.ExecuteAsync("stop");
        await peer.SayAsync("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no \\u001b[2J way\"}, \"id\": 2}\n");

        VmPodException error = await Assert.ThrowsAsync<VmPodException>(() => command);

        Assert.Equal("QEMU refused: no ?[2J way", error.Message);
        Assert.False(client.Closed.IsCompleted);
    }

    [Fact]
    public async Task A_flood_of_events_keeps_the_newest_and_memory_bounded()
    {
        using var peer = new FakePeer();
        await using QmpClient client = await peer.BecomeQemuAsync(_limit);
        const int flood = MachineLimits.EventsMax * 4;
        Task<System.Text.Json.JsonElement> command = client.ExecuteAsync("stop");
        await peer.SayAsync(string.Concat(Enumerable.Range(0, flood).Select(i => $"{{\"timestamp\": {{}}, \"event\": \"E{i}\"}}\n"))
            + "{\"return\": {}, \"id\": 2}\n");
        _ = await command;

        List<string> kept = [];
        while (client.Events.TryRead(out QmpEvent? e))
            kept.Add(e.Name);

        Assert.Equal(MachineLimits.EventsMax, kept.Count);
        Assert.Equal($"E{flood - 1}", kept[^1]);
    }

    /// <summary>The other end of the client's socket.</summary>
    private sealed class FakePeer : IDisposable
    {
        private readonly Socket _socket;

        public FakePeer()
        {
            string path = Path.Join("/dev/shm", "vmpod-peer-" + Guid.NewGuid().ToString("n"));
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, 0);
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(1);
            Client = new Socket(AddressFamily.Unix, SocketType.Stream, 0);
            Client.Connect(new UnixDomainSocketEndPoint(path));
            _socket = listener.Accept();
        }

        public Socket Client { get; }

        /// <summary>Greets and accepts as QEMU does.</summary>
        public async Task<QmpClient> BecomeQemuAsync(TimeSpan limit)
        {
            await SayAsync(Greeting);
            Task<QmpClient> connecting = QmpClient.ConnectAsync(Client, limit);
            Assert.Equal("""{"execute":"qmp_capabilities","id":1}""" + "\n", await HeardAsync());
            await SayAsync(Accepted);
            return await connecting;
        }

        public async Task SayAsync(string text)
        {
            ReadOnlyMemory<byte> bytes = Encoding.UTF8.GetBytes(text);
            while (bytes.Length > 0)
                bytes = bytes[await _socket.SendAsync(bytes)..];
        }

        public async Task<string> HeardAsync()
        {
            var buffer = new byte[4096];
            return Encoding.UTF8.GetString(buffer, 0, await _socket.ReceiveAsync(buffer));
        }

        public void Dispose() => _socket.Dispose();
    }
}
