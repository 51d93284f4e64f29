using System.Diagnostics;
using VmPod.Sync.Mirror;
using VmPod.Vault.Cells;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.PodKeeper.Cli;

/// <summary>One line on standard error that tells how far a put, get or verification is, or the look into what is pending before it. Nothing
/// where standard error is no terminal.</summary>
internal sealed class ProgressLine : IProgress<TransferProgress>, IProgress<CheckProgress>, IProgress<VerifyProgress>, IProgress<DeepReport.Progress>,
    IProgress<MirrorProgress>, IProgress<long>, IDisposable
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
        string left = value.Left is { } time ? $", {time:h\\:mm\\:ss} left" : "";
        Show($"{Output.Bytes(value.BytesDone)} of {Output.Bytes(value.BytesTotal)}, {value.Rate / 1e6:0} MB/s{left}");
    }

    /// <inheritdoc cref="Report(TransferProgress)"/>
    public void Report(CheckProgress value)
    {
        if (isShown && value.Done % 256 == 0)
            Show($"Looking into what is pending: {100 * Math.Min(value.Done, value.Total) / Math.Max(1, value.Total)} %");
    }

    /// <inheritdoc cref="Report(TransferProgress)"/>
    public void Report(VerifyProgress value)
    {
        if (isShown)
            Show($"{value.CellsDone} of {value.CellsTotal} cells looked at");
    }

    /// <inheritdoc cref="Report(TransferProgress)"/>
    public void Report(DeepReport.Progress value)
    {
        if (isShown)
            Show($"Generation {value.Generation} of {value.Generations}: {value.Chunks} chunks read");
    }

    /// <inheritdoc cref="Report(TransferProgress)"/>
    public void Report(MirrorProgress value)
    {
        if (isShown)
            Show($"{value.Cells} of {value.Total} cells sent");
    }

    /// <inheritdoc cref="Report(TransferProgress)"/>
    public void Report(long chunks)
    {
        if (isShown)
            Show($"{chunks} chunks compared");
    }

    private void Show(string text)
    {
        lock (gate)
        {
            if (since.Elapsed < Interval)
                return;
            since.Restart();
            isWritten = true;
            Console.Error.Write(ClearLine + text);
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
