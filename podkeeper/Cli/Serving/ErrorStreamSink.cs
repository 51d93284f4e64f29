using Serilog;
using Serilog.Core;
using Serilog.Events;
using Serilog.Formatting.Compact;
using VmPod.PodKeeper.Serving;

namespace VmPod.PodKeeper.Cli.Serving;

/// <summary>The log for operations: compact JSON, a line for each event, on standard error. The audit log is another thing.</summary>
internal sealed class ErrorStreamSink : ILogEventSink
{
    private readonly CompactJsonFormatter format = new();
    private readonly Lock gate = new();

    /// <inheritdoc/>
    public void Emit(LogEvent logEvent)
    {
        lock (gate)
            format.Format(logEvent, Console.Error);
    }

    /// <summary>Writes what a server says.</summary>
    internal static void Write(ILogger log, ServerNote note)
    {
        if (note.Bug is not null)
            log.Error(note.Bug, "{What:l} {Link}", note.What, note.Link);
        else
            log.Information("{What:l} {Link} {Why}", note.What, note.Link, note.Why);
    }
}
