using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Serilog;
using Serilog.Extensions.Logging;
using Serilog.Formatting.Compact;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Mount;
using VmPod.HostGuard.Session;
using VmPod.Secrets;

namespace VmPod.HostGuard.Commands;

/// <summary>
/// The process that runs one session (hidden verb session-run). Standard input: one line, the request; then, if it says so, the passphrase up to the end.
/// Standard output: one line, the answer to the opening; then it is silent.
/// </summary>
internal static class SessionProcess
{
    private const int PassphraseBytesMax = 1024;

    /// <summary>Runs until the session is wiped.</summary>
    public static async Task<int> RunAsync()
    {
        PrivateNamespace.ReExecIfNeeded();
        Libc.ForbidDumps();
        using Stream input = Console.OpenStandardInput();
        using Stream output = Console.OpenStandardOutput();
        SessionRequest request = JsonSerializer.Deserialize(await ControlWire.ReadLineAsync(input, CancellationToken.None),
            HostGuardJson.Default.SessionRequest)!;
        using SecretBuffer? passphrase = request.PassphraseFollows ? ReadPassphrase(input) : null;
        await using Serilog.Core.Logger sink = new LoggerConfiguration().WriteTo.Sink(new RunLog(request.RunFolder,
            new CompactJsonFormatter())).CreateLogger();
        using var factory = new SerilogLoggerFactory(sink);
        Microsoft.Extensions.Logging.ILogger log = factory.CreateLogger("hostguard");
        await using var host = new SessionHost(request, TimeProvider.System, log);
        ControlReply reply;
        try
        {
            SessionResult opened = await host.OpenAsync(passphrase);
            reply = new ControlReply { Result = opened, Status = host.Status() };
        }
        catch (VmPodException e)
        {
            reply = new ControlReply { ExitCode = (int)e.ExitCode, Error = e.Message, Hint = e.Hint };
        }
        catch (Exception e)
        {
            log.LogError(e, "Opening failed");
            reply = new ControlReply
            {
                ExitCode = (int)ExitCode.Bug,
                Error = $"A bug in hostguard: {e.GetType().Name}.",
                Hint = $"The log is in {request.RunFolder}."
            };
        }
        if (reply.ExitCode != 0)
        {
            await AnswerAsync(output, reply);
            return reply.ExitCode;
        }
        using var server = new ControlServer(request.RunFolder, host, log);
        using var stop = new CancellationTokenSource();
        Task serving = server.RunAsync(stop.Token);
        await AnswerAsync(output, reply);
        WipeReceipt receipt = await host.Wiped;
        await File.WriteAllBytesAsync(Path.Combine(request.RunFolder, RunFolders.Receipt), JsonSerializer.SerializeToUtf8Bytes(receipt,
            HostGuardJson.Default.WipeReceipt));
        await stop.CancelAsync();
        await serving;
        File.Delete(Path.Combine(request.RunFolder, RunFolders.ControlSocket));
        return 0;
    }

    private static async Task AnswerAsync(Stream output, ControlReply reply)
    {
        try
        {
            await ControlWire.WriteLineAsync(output, JsonSerializer.SerializeToUtf8Bytes(reply, HostGuardJson.Default.ControlReply), CancellationToken.None);
        }
        catch (IOException)
        {
            // Who started it is gone: the session runs all the same, and status finds it.
        }
    }

    private static SecretBuffer ReadPassphrase(Stream input)
    {
        using SecretBuffer room = SecretBuffer.Create(PassphraseBytesMax, static _ => { });
        int length = input.ReadAtLeast(room.Bytes, PassphraseBytesMax, throwOnEndOfStream: false);
        return SecretBuffer.Create(Math.Max(1, length), room.ReadOnlyBytes[..Math.Max(1, length)], static (bytes, from) => from.CopyTo(bytes));
    }

    // The run folder is in RAM; what is logged there holds no secret by type.
    private sealed class RunLog(string folder, CompactJsonFormatter formatter) : Serilog.Core.ILogEventSink, IDisposable
    {
        private readonly StreamWriter writer = new(Path.Combine(folder, "log"), append: true, Encoding.UTF8) { AutoFlush = true };
        private readonly Lock gate = new();

        public void Emit(Serilog.Events.LogEvent logEvent)
        {
            lock (gate)
                formatter.Format(logEvent, writer);
        }

        public void Dispose() => writer.Dispose();
    }
}
