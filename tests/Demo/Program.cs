using System.Runtime.InteropServices;
using VmPod.Demo;

const int Usage = 2, Missing = 9, Cancelled = 130;
if (args.Except(["--json", "--keep"]).Any())
{
    Console.Error.WriteLine("usage: ./vmpod demo [--json] [--keep]\n  --json   one JSON object instead of the table\n  --keep   leave the "
        + "pod's image behind, and say where");
    return Usage;
}
if (!Environment.IsPrivilegedProcess)
{
    Console.Error.WriteLine("demo: this needs root: it mounts a file system, makes a network namespace, and runs a hypervisor in a jail.");
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
    await using var stage = new Stage(args.Contains("--keep"));
    await new DemoRun(stage, report).RunAsync(cancel.Token);
}
catch (OperationCanceledException) when (cancel.IsCancellationRequested)
{
    return Cancelled;
}
catch (Exception e) when (e is InvalidOperationException or TimeoutException or IOException or UnauthorizedAccessException)
{
    report.Broken.Add(e.Message);
}
Console.Out.WriteLine(args.Contains("--json") ? report.ToJson() : report.ToTable());
return report.Broken.Count == 0 ? 0 : 1;
