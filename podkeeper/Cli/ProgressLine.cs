using System.Diagnostics;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper.Cli;

/// <summary>One line on standard error that tells how far a put or get is. Nothing where standard error is no terminal.</summary>
internal sealed class ProgressLine : IProgress<TransferProgress>, IDisposable
{
    private const string ClearLine = "\r\u001b[K";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly bool isShown = !Console.IsErrorRedirected;
    private readonly Lock gate = new();
    private readonly Stopwatch since = Stopwatch.StartNew();
    private bool isWritten;

    /// <summary>Shows it, at most five times a second. Any thread may call.</summary>
    public void Report(TransferProgress value)
    {
        if (!isShown)
            return;
        lock (gate)
        {
            if (since.Elapsed < Interval)
                return;
            since.Restart();
            isWritten = true;
            string left = value.Left is { } time ? $", {time:h\\:mm\\:ss} left" : "";
            string done = $"{Output.Bytes(value.BytesDone)} of {Output.Bytes(value.BytesTotal)}";
            Console.Error.Write($"{ClearLine}{done}, {value.Rate / 1e6:0} MB/s{left}");
        }
    }

    /// <summary>Clears the line.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            if (isWritten)
                Console.Error.Write(ClearLine);
            isWritten = false;
        }
    }
}
