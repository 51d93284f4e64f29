using System.Net.Sockets;
using System.Text.Json;
using VmPod.PodKeeper.Agent;
using VmPod.Secrets;

namespace VmPod.PodKeeper.Control;

/// <summary>
/// One command that was asked over the control socket. Asked is one line, <c>{"verb":"unlock","arguments":["x"],"secretBytes":21}</c>, and then that many
/// bytes of a secret; answered is one line, a JSON object. What is shown or asked meanwhile (pairing) are lines of their own before it.
/// </summary>
public sealed class ControlCall : IDisposable
{
    private const string VerbName = "verb", ArgumentsName = "arguments", SecretName = "secretBytes", ShowName = "show", AskName = "ask";
    private readonly Socket socket;

    private ControlCall(Socket socket, string verb, IReadOnlyList<string> arguments, SecretBuffer? secret)
    {
        this.socket = socket;
        Verb = verb;
        Arguments = arguments;
        Secret = secret;
    }

    /// <summary>What is asked.</summary>
    public string Verb { get; }

    /// <summary>With what; no secret.</summary>
    public IReadOnlyList<string> Arguments { get; }

    /// <summary>The secret that came with it; owned by the call.</summary>
    public SecretBuffer? Secret { get; }

    /// <summary>Answers: one JSON object without a line end. Once, last.</summary>
    public void Answer(ReadOnlySpan<byte> json)
    {
        KeyAgentProtocol.Send(socket, json);
        KeyAgentProtocol.Send(socket, "\n"u8);
    }

    /// <summary>Has a secret text shown to the person: bytes follow the line.</summary>
    /// <param name="name">What it is, for the caller.</param>
    /// <param name="text">Bytes for the screen.</param>
    public void Show(string name, ReadOnlySpan<byte> text)
    {
        KeyAgentProtocol.Send(socket, Line(w =>
        {
            w.WriteString(ShowName, name);
        }, text.Length));
        KeyAgentProtocol.Send(socket, text);
    }

    /// <summary>Asks the person something; true for yes. No answer in time is no.</summary>
    public bool Ask(string question, TimeSpan patience)
    {
        KeyAgentProtocol.Send(socket, Line(w => w.WriteString(AskName, question), 0));
        socket.ReceiveTimeout = (int)patience.TotalMilliseconds;
        Span<byte> yes = stackalloc byte[1];
        return KeyAgentProtocol.TryReceive(socket, yes) && yes[0] == (byte)'y';
    }

    /// <summary>The rest of the connection, for what is no call and answer: another protocol begins there. It is the call's.</summary>
    public Stream TakeStream()
    {
        socket.SendTimeout = socket.ReceiveTimeout = 0;
        return new NetworkStream(socket, ownsSocket: false);
    }

    /// <summary>True if the caller went away: nobody waits for the answer.</summary>
    public bool IsAbandoned => socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;

    /// <summary>Zeroes the secret and ends the connection.</summary>
    public void Dispose()
    {
        Secret?.Dispose();
        socket.Dispose();
    }

    /// <summary>Reads a call. Null if it is none.</summary>
    internal static ControlCall? TryRead(Socket socket)
    {
        byte[] line = new byte[PodLimits.ControlLineBytesMax];
        int length = ControlLine.Read(socket, line);
        if (length < 0)
            return null;
        SecretBuffer? secret = null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(line.AsMemory(0, length), new JsonDocumentOptions { MaxDepth = 4 });
            JsonElement root = document.RootElement;
            string verb = root.GetProperty(VerbName).GetString() ?? "";
            string[] arguments = [.. root.GetProperty(ArgumentsName).EnumerateArray().Select(a => a.GetString() ?? "")];
            int bytes = root.GetProperty(SecretName).GetInt32();
            if (bytes is < 0 or > SecretLimits.InputBytesMax)
                return null;
            if (bytes > 0)
            {
                secret = SecretBuffer.Create(bytes, static _ => { });
                if (!KeyAgentProtocol.TryReceive(socket, secret.Bytes))
                {
                    secret.Dispose();
                    return null;
                }
            }
            return new ControlCall(socket, verb, arguments, secret);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            secret?.Dispose();
            return null;
        }
        catch
        {
            secret?.Dispose();
            throw;
        }
    }

    /// <summary>The line of a call.</summary>
    internal static byte[] LineOf(string verb, IReadOnlyList<string> arguments, int secretBytes) => Line(w =>
    {
        w.WriteString(VerbName, verb);
        w.WriteStartArray(ArgumentsName);
        foreach (string argument in arguments)
            w.WriteStringValue(argument);
        w.WriteEndArray();
    }, secretBytes);

    /// <summary>What a line from the server is: something to show, a question, or (both null) the answer.</summary>
    internal static (string? Show, string? Ask, int SecretBytes) Read(JsonElement line) => (
        line.TryGetProperty(ShowName, out JsonElement show) ? show.GetString() : null,
        line.TryGetProperty(AskName, out JsonElement ask) ? ask.GetString() : null,
        line.TryGetProperty(SecretName, out JsonElement bytes) && bytes.ValueKind == JsonValueKind.Number ? bytes.GetInt32() : 0);

    private static byte[] Line(Action<Utf8JsonWriter> write, int secretBytes)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            write(writer);
            writer.WriteNumber(SecretName, secretBytes);
            writer.WriteEndObject();
        }
        buffer.Write("\n"u8);
        return buffer.ToArray();
    }
}
