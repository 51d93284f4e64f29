using System.Globalization;
using VmPod.Foundation.Processes;

namespace VmPod.HostGuard.Commands;

/// <summary>
/// A small process that kills a hostguard that stands still (rule 17): SIGSTOP would leave the machine running with nobody to wipe it. It is fed a byte each
/// beat through standard input; QEMU dies with hostguard.
/// </summary>
internal static class Watchdog
{
    /// <summary>Silence after which the parent is killed: eight beats, so that a busy host is no reason.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(2);

    /// <summary>Watches the parent until it says goodbye (end of input) or stands still.</summary>
    public static int Run()
    {
        int parentId = int.Parse(Environment.GetCommandLineArgs()[^1], CultureInfo.InvariantCulture);
        using PidFd parent = PidFd.Open(parentId);
        using Stream input = Console.OpenStandardInput();
        byte[] beats = new byte[64];
        while (true)
        {
            Task<int> read = input.ReadAsync(beats).AsTask();
            if (!read.Wait(SilenceMax))
            {
                _ = parent.Signal(ProcessSignal.Kill);
                return 0;
            }
            if (read.Result == 0)
                return 0;
        }
    }
}
