using System.Buffers;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.Channels;
using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// The client side of QMP: one command at a time, replies by id, events apart. QEMU is treated as hostile after its guest has run: every
/// message is bounded, and one that is not exactly as the protocol has it ends the connection.
/// </summary>
/// <remarks>Owns the socket. Commands may be called from several threads; they take turns.</remarks>
public sealed class QmpClient : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly TimeSpan _replyTimeout;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Channel<QmpEvent> _events = Channel.CreateBounded<QmpEvent>(
        new BoundedChannelOptions(MachineLimits.EventsMax) { FullMode = BoundedChannelFullMode.DropOldest, SingleWriter = true });
    private readonly TaskCompletionSource _greeting = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _lock = new();
    private readonly Task _reader;
    private TaskCompletionSource<JsonElement>? _pending;
    private VmPodException? _failure;
    private long _lastId;

    private QmpClient(Socket socket, TimeSpan replyTimeout)
    {
        _socket = socket;
        _replyTimeout = replyTimeout;
        _reader = Task.Run(ReadAsync);
    }

    /// <summary>Events in order. Completes when the connection ends. The oldest are dropped when nobody reads.</summary>
    public ChannelReader<QmpEvent> Events => _events.Reader;

    /// <summary>Completes when the connection has ended, for whatever reason.</summary>
    public Task Closed => _reader;

    /// <summary>Takes over a connected socket: waits for the greeting and leaves negotiation mode.</summary>
    /// <exception cref="VmPodException">The peer does not speak QMP, closed the connection, or does not answer within the time.</exception>
    public static async Task<QmpClient> ConnectAsync(Socket socket, TimeSpan replyTimeout, CancellationToken cancel = default)
    {
        var client = new QmpClient(socket, replyTimeout);
        try
        {
            await client.WithinTimeAsync(client._greeting.Task, "greet", cancel);
            _ = await client.ExecuteAsync("qmp_capabilities", cancel: cancel);
            return client;
        }
        catch
        {
            await client.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a command and returns its result.</summary>
    /// <param name="command">Its name.</param>
    /// <param name="arguments">Writes the members of "arguments", or null for none.</param>
    /// <param name="descriptor">Goes along with the command (getfd), or null. QEMU gets a copy.</param>
    /// <param name="cancel">Gives up waiting; the command may still take effect.</param>
    /// <exception cref="VmPodException">QEMU refused (its own words are in the message), ended, sent something malformed, or did not answer
    /// in time.</exception>
    public async Task<JsonElement> ExecuteAsync(string command, Action<Utf8JsonWriter>? arguments = null, SafeHandle? descriptor = null,
        CancellationToken cancel = default)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            TaskCompletionSource<JsonElement> reply = new(TaskCreationOptions.RunContinuationsAsynchronously);
            long id;
            lock (_lock)
            {
                if (_failure is not null)
                    throw _failure;
                id = ++_lastId;
                _pending = reply;
            }
            await SendAsync(Encode(command, id, arguments), descriptor, cancel);
            return await WithinTimeAsync(reply.Task, command, cancel);
        }
        finally
        {
            lock (_lock)
                _pending = null;
            _ = _turn.Release();
        }
    }

    /// <summary>Closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _socket.Dispose();
        await _reader;
        _closing.Dispose();
        _turn.Dispose();
    }

    private static ReadOnlyMemory<byte> Encode(string command, long id, Action<Utf8JsonWriter>? arguments)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("execute", command);
            if (arguments is not null)
            {
                json.WriteStartObject("arguments");
                arguments(json);
                json.WriteEndObject();
            }
            json.WriteNumber("id", id);
            json.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    private async Task SendAsync(ReadOnlyMemory<byte> message, SafeHandle? descriptor, CancellationToken cancel)
    {
        try
        {
            if (descriptor is not null)
                message = message[DescriptorSocket.Send(_socket, message.Span, descriptor)..];
            while (message.Length > 0)
                message = message[await _socket.SendAsync(message, SocketFlags.None, cancel)..];
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            throw Failure ?? Ended(e);
        }
    }

    private VmPodException? Failure
    {
        get
        {
            lock (_lock)
                return _failure;
        }
    }

    private async Task<T> WithinTimeAsync<T>(Task<T> task, string what, CancellationToken cancel)
    {
        await WithinTimeAsync((Task)task, what, cancel);
        return await task;
    }

    private async Task WithinTimeAsync(Task task, string what, CancellationToken cancel)
    {
        try
        {
            await task.WaitAsync(_replyTimeout, cancel);
        }
        catch (TimeoutException e)
        {
            throw new VmPodException(ExitCode.Busy, string.Create(CultureInfo.InvariantCulture,
                $"QEMU did not {(what == "greet" ? "greet" : "answer " + what)} within {_replyTimeout.TotalSeconds:0.#} s."),
                innerException: e);
        }
    }

    private async Task ReadAsync()
    {
        VmPodException failure;
        try
        {
            await ReadLinesAsync();
            failure = Ended(null);
        }
        catch (VmPodException e)
        {
            failure = e;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            failure = Ended(e);
        }
        TaskCompletionSource<JsonElement>? pending;
        lock (_lock)
        {
            _failure = failure;
            pending = _pending;
        }
        _ = pending?.TrySetException(failure);
        _ = _greeting.TrySetException(failure);
        _ = _greeting.Task.Exception;               // observed: nobody may be waiting for it any more
        _ = _events.Writer.TryComplete();
        _socket.Dispose();                          // a peer that broke the protocol gets no second chance
    }

    private async Task ReadLinesAsync()
    {
        byte[] buffer = new byte[16 * 1024];
        int length = 0, scanned = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length >= MachineLimits.QmpMessageBytesMax)
                    throw Malformed("a message beyond 1 MiB");
                Array.Resize(ref buffer, Math.Min(buffer.Length * 2, MachineLimits.QmpMessageBytesMax));
            }
            int read = await _socket.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, _closing.Token);
            if (read == 0)
                return;
            length += read;
            int start = 0, end;
            while ((end = buffer.AsSpan(Math.Max(start, scanned), length - Math.Max(start, scanned)).IndexOf((byte)'\n')) >= 0)
            {
                end += Math.Max(start, scanned);
                Take(buffer.AsMemory(start, end - start));
                start = end + 1;
            }
            buffer.AsSpan(start, length - start).CopyTo(buffer);
            length -= start;
            scanned = length;
        }
    }

    private void Take(ReadOnlyMemory<byte> line)
    {
        JsonElement message;
        try
        {
            using JsonDocument document = JsonDocument.Parse(line,
                new JsonDocumentOptions { MaxDepth = MachineLimits.QmpDepthMax, AllowDuplicateProperties = false });
            message = document.RootElement.Clone();
        }
        catch (JsonException)
        {
            throw Malformed("something that is not JSON");
        }
        if (message.ValueKind != JsonValueKind.Object)
            throw Malformed("a message that is no object");
        if (!_greeting.Task.IsCompleted)
        {
            if (!message.TryGetProperty("QMP", out JsonElement greeting) || greeting.ValueKind != JsonValueKind.Object)
                throw Malformed("no greeting");
            _greeting.SetResult();
        }
        else if (message.TryGetProperty("event", out JsonElement name))
        {
            TakeEvent(message, name);
        }
        else
        {
            TakeReply(message);
        }
    }

    private void TakeEvent(JsonElement message, JsonElement name)
    {
        bool hasData = message.TryGetProperty("data", out JsonElement data);
        if (name.ValueKind != JsonValueKind.String || !message.TryGetProperty("timestamp", out _)
            || message.GetPropertyCount() != (hasData ? 3 : 2))
            throw Malformed("an event of another form");
        _ = _events.Writer.TryWrite(new QmpEvent(name.GetString()!, data));
    }

    private void TakeReply(JsonElement message)
    {
        bool done = message.TryGetProperty("return", out JsonElement result);
        bool refused = message.TryGetProperty("error", out JsonElement error);
        if (done == refused || message.GetPropertyCount() != 2 || !message.TryGetProperty("id", out JsonElement idElement)
            || idElement.ValueKind != JsonValueKind.Number || !idElement.TryGetInt64(out long id))
            throw Malformed("a reply of another form");
        JsonElement words = default;
        if (refused && (error.ValueKind != JsonValueKind.Object || !error.TryGetProperty("desc", out words)
            || words.ValueKind != JsonValueKind.String))
            throw Malformed("an error without words");
        TaskCompletionSource<JsonElement>? pending;
        lock (_lock)
        {
            if (id < 1 || id > _lastId)
                throw Malformed("a reply that nobody asked for");
            if (id < _lastId || _pending is null)
                return;                             // late: its caller gave up waiting
            pending = _pending;
            _pending = null;
        }
        if (done)
            pending.SetResult(result);
        else
            pending.SetException(new VmPodException(ExitCode.Refused, "QEMU refused: " + Printable(words.GetString()!)));
    }

    private static string Printable(string text) =>
        string.Concat(text.Take(500).Select(c => char.IsControl(c) ? '?' : c));

    private static VmPodException Malformed(string what) =>
        new(ExitCode.Damaged, $"QEMU's control channel sent {what}; the connection was closed.");

    private static VmPodException Ended(Exception? inner) =>
        new(ExitCode.Missing, "QEMU has closed its control channel.", innerException: inner);
}
