using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace VmPod.Testing;

/// <summary>Client of the agent in the test guest, over the host's unix socket of its virtio-serial port. Calls may overlap.</summary>
/// <remarks>One connection at a time: QEMU's socket serves one. It may be closed and made again, and the guest survives a suspend in between.</remarks>
public sealed class GuestAgent : IAsyncDisposable
{
    /// <summary>A guest under TCG beside other work answers a ping within this, once it runs.</summary>
    public static readonly TimeSpan AnswerLimit = TimeSpan.FromMinutes(3);

    /// <summary>A boot under TCG takes 8 to 16 s; this is for a machine under load.</summary>
    public static readonly TimeSpan BootLimit = TimeSpan.FromSeconds(300);

    private readonly Socket socket;
    private readonly ConcurrentDictionary<long, TaskCompletionSource<JsonElement>> waiting = new();
    private readonly SemaphoreSlim sending = new(1);
    private readonly Task reader;
    private long lastId = Random.Shared.Next(1, 1 << 30) * 1000L;

    private GuestAgent(Socket socket)
    {
        this.socket = socket;
        reader = Task.Run(ReadAsync);
    }

    /// <summary>Connects as soon as the socket is there. The guest need not run yet.</summary>
    /// <exception cref="TimeoutException">No socket within the limit.</exception>
    public static async Task<GuestAgent> ConnectAsync(string socketPath, TimeSpan? limit = null, CancellationToken cancellation = default)
    {
        TimeSpan most = limit ?? TimeSpan.FromSeconds(120);
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                return new GuestAgent(socket);
            }
            catch (SocketException e)
            {
                socket.Dispose();
                if (Stopwatch.GetElapsedTime(started) > most)
                    throw new TimeoutException($"No guest agent socket within {most.TotalSeconds:F0} s.", e);
                await Task.Delay(5, cancellation);
            }
        }
    }

    /// <summary>Asks until the guest answers for the first time; what is sent before the guest opened its port is lost.</summary>
    /// <exception cref="TimeoutException">No answer within the limit.</exception>
    public async Task<WitnessValue> WaitUntilAnsweringAsync(TimeSpan? limit = null, CancellationToken cancellation = default)
    {
        TimeSpan most = limit ?? BootLimit;
        long started = Stopwatch.GetTimestamp();
        // Any of the questions may be the one that is answered: a guest on a busy host may take longer than the time between two.
        var asked = new List<Task<WitnessValue>>();
        while (true)
        {
            asked.Add(PingAsync(most, cancellation));
            Task<Task<WitnessValue>> first = Task.WhenAny(asked);
            await Task.WhenAny(first, Task.Delay(TimeSpan.FromMilliseconds(500), cancellation));
            if (first.IsCompleted)
            {
                // Those that were lost end with the connection, and nobody asks for them.
                _ = Task.WhenAll(asked).ContinueWith(static t => t.Exception, TaskScheduler.Default);
                return await await first;
            }
            if (Stopwatch.GetElapsedTime(started) >= most)
                throw new TimeoutException($"The guest did not answer within {most.TotalSeconds:F0} s.");
        }
    }

    /// <summary>Waits until systemd has started everything: the agent itself answers earlier.</summary>
    public async Task WaitUntilBootedAsync(CancellationToken cancellation = default)
    {
        GuestCommand state = await ShAsync("systemctl is-system-running --wait", BootLimit, cancellation);
        if (state.ExitCode != 0)
            throw new InvalidOperationException($"The guest did not boot cleanly: {state.Output.Trim()}");
    }

    /// <summary>The witness's value now.</summary>
    public async Task<WitnessValue> PingAsync(TimeSpan? limit = null, CancellationToken cancellation = default)
    {
        JsonElement a = await CallAsync(new { op = "ping" }, limit ?? AnswerLimit, cancellation);
        return new WitnessValue(a.GetProperty("n").GetInt64(), a.GetProperty("h").GetString()!, a.GetProperty("mono").GetDouble(),
            a.GetProperty("wall").GetDouble(), a.GetProperty("pid").GetInt32());
    }

    /// <summary>Lets the guest read its whole heap.</summary>
    public async Task<GuestHeap> HeapAsync(TimeSpan? limit = null, CancellationToken cancellation = default)
    {
        JsonElement a = await CallAsync(new { op = "heap" }, limit ?? AnswerLimit, cancellation);
        return new GuestHeap(a.GetProperty("ok").GetBoolean(), a.GetProperty("h").GetString()!);
    }

    /// <summary>The longest time between two steps of the witness since the last call, on the guest's own clock; starts anew.</summary>
    /// <remarks>That clock stands still while the vCPUs are stopped. It shows stalls of a running guest (waiting for a page of its memory), not the
    /// pause of a checkpoint; for that see <see cref="LongestSilenceAsync"/>.</remarks>
    public async Task<TimeSpan> GapAsync(CancellationToken cancellation = default)
    {
        JsonElement a = await CallAsync(new { op = "gap" }, AnswerLimit, cancellation);
        return TimeSpan.FromSeconds(a.GetProperty("gap").GetDouble());
    }

    /// <summary>Pings until cancelled. The longest time between two answers on the host's clock: the pause as a user sees it.</summary>
    public async Task<TimeSpan> LongestSilenceAsync(CancellationToken until)
    {
        TimeSpan longest = TimeSpan.Zero;
        while (!until.IsCancellationRequested)
        {
            long started = Stopwatch.GetTimestamp();
            await PingAsync(cancellation: CancellationToken.None);
            TimeSpan silence = Stopwatch.GetElapsedTime(started);
            longest = silence > longest ? silence : longest;
        }
        return longest;
    }

    /// <summary>Runs a command with the guest's shell, as root.</summary>
    public async Task<GuestCommand> ShAsync(string command, TimeSpan? limit = null, CancellationToken cancellation = default)
    {
        TimeSpan most = limit ?? TimeSpan.FromMinutes(15);
        JsonElement a = await CallAsync(new { op = "sh", cmd = command, timeout = most.TotalSeconds }, most, cancellation);
        return new GuestCommand(a.GetProperty("rc").GetInt32(), a.GetProperty("out").GetString()!, a.GetProperty("dt").GetDouble());
    }

    /// <summary>Plants canaries in the guest's heap and in a file of its disk (written through to the disk). Only their seeds travel.</summary>
    public async Task PlantAsync(Canaries canaries, string path = "/root/canaries", CancellationToken cancellation = default)
    {
        JsonElement a = await CallAsync(new { op = "canary", seeds = canaries.Seeds, path }, AnswerLimit, cancellation);
        if (a.GetProperty("planted").GetInt32() != canaries.Seeds.Count)
            throw new InvalidOperationException("The guest did not plant all canaries.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        socket.Dispose();
        await reader;
        sending.Dispose();
    }

    private async Task<JsonElement> CallAsync(object request, TimeSpan limit, CancellationToken cancellation)
    {
        long id = Interlocked.Increment(ref lastId);
        var answer = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        waiting[id] = answer;
        try
        {
            Dictionary<string, JsonElement> fields = JsonSerializer.SerializeToElement(request).EnumerateObject().ToDictionary(p => p.Name, p => p.Value);
            fields["id"] = JsonSerializer.SerializeToElement(id);
            byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(fields), (byte)'\n'];
            if (reader.IsCompleted)
                throw new IOException("The guest agent's socket is closed.");
            await SendAsync(line, cancellation);
            JsonElement a = await answer.Task.WaitAsync(limit, cancellation);
            return a.TryGetProperty("error", out JsonElement error) ? throw new InvalidOperationException($"The guest agent: {error}") : a;
        }
        finally
        {
            waiting.TryRemove(id, out _);
        }
    }

    private async Task SendAsync(ReadOnlyMemory<byte> line, CancellationToken cancellation)
    {
        await sending.WaitAsync(cancellation);
        try
        {
            while (!line.IsEmpty)
                line = line[await socket.SendAsync(line, cancellation)..];
        }
        finally
        {
            sending.Release();
        }
    }

    private async Task ReadAsync()
    {
        var line = new MemoryStream();
        byte[] buffer = new byte[65536];
        Exception reason = new IOException("The guest agent's socket was closed.");
        try
        {
            while (await socket.ReceiveAsync(buffer) is int got and > 0)
            {
                ReadOnlyMemory<byte> rest = buffer.AsMemory(0, got);
                for (int end; (end = rest.Span.IndexOf((byte)'\n')) >= 0; rest = rest[(end + 1)..])
                {
                    line.Write(rest.Span[..end]);
                    Deliver(line.GetBuffer().AsMemory(0, (int)line.Length));
                    line.SetLength(0);
                }
                line.Write(rest.Span);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            reason = new IOException("The guest agent's socket was closed.", e);
        }
        foreach (TaskCompletionSource<JsonElement> answer in waiting.Values)
            answer.TrySetException(reason);
    }

    private void Deliver(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(line);
            if (json.RootElement.TryGetProperty("id", out JsonElement id) && waiting.TryGetValue(id.GetInt64(), out TaskCompletionSource<JsonElement>? answer))
                answer.TrySetResult(json.RootElement.Clone());
        }
        catch (JsonException)
        {
            // The end of an answer that a connection before this one was to have.
        }
    }
}
