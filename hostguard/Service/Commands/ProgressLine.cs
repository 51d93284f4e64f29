using VmPod.Vault.Snapshots;

namespace VmPod.HostGuard.Commands;

/// <summary>Progress of a transfer as one line of the terminal, twice a second; silent where standard error is no terminal.</summary>
internal sealed class ProgressLine : IProgress<TransferProgress>
{
    private const double EverySeconds = 0.5;
    private double last;

    /// <inheritdoc/>
    public void Report(TransferProgress value)
    {
        if (Console.IsErrorRedirected || (value.Elapsed.TotalSeconds - last < EverySeconds && value.BytesDone < value.BytesTotal))
            return;
        last = value.Elapsed.TotalSeconds;
        string left = value.Left is { } time ? $", {time.TotalSeconds:0} s left" : "";
        string done = $"{value.BytesDone >> 20} of {value.BytesTotal >> 20} MiB";
        Console.Error.Write($"\r{done}, {value.Rate / 1e6:0} MB/s, {value.BytesStored >> 20} MiB stored{left}   ");
        if (value.BytesDone >= value.BytesTotal)
            Console.Error.WriteLine();
    }
}
