using System.Runtime.InteropServices;
using VmPod.Demo;

const int Usage = 2, Missing = 9, Cancelled = 130;
if (args.Except(["--json", "--keep", "--folder"]).Any())
{
    Console.Error.WriteLine("usage: ./vmpod demo [--json] [--keep] [--folder]\n  --json    one JSON object instead of the table\n  --keep    leave the pod "
        + "behind, and say where\n  --folder  with the pod as a plugged-in disk instead of another machine");
    return Usage;
}
if (!Environment.IsPrivilegedProcess)
{
    Console.Error.WriteLine("demo: this needs root: it makes network namespaces, mounts file systems, and runs a hypervisor in a jail.");
    return Missing;
}
using var cancel = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    Console.Error.WriteLine("demo: cleaning up");
    cancel.Cancel();
}
using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
    terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
var report = new DemoReport();
try
{
    MissingParts.ThrowIfAny();
    bool keep = args.Contains("--keep");
    if (args.Contains("--folder"))
    {
        await using var stage = new FolderStage(keep);
        await new FolderRun(stage, report).RunAsync(cancel.Token);
    }
    else
    {
        await using var stage = new AirStage(keep);
        await new AirRun(stage, report).RunAsync(cancel.Token);
    }
}
catch (OperationCanceledException) when (cancel.IsCancellationRequested)
{
    return Cancelled;
}
catch (PlatformNotSupportedException e)
{
    Console.Error.WriteLine($"demo: {e.Message}");
    return Missing;
}
catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException or UnauthorizedAccessException or FormatException)
{
    report.Broken.Add(e.Message);
}
Console.Out.WriteLine(args.Contains("--json") ? report.ToJson() : report.ToTable());
return report.Broken.Count == 0 ? 0 : 1;
