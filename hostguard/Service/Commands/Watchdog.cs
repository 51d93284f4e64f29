using System.Globalization;
using VmPod.Foundation.Processes;

namespace VmPod.HostGuard.Commands;

/// <summary>
/// A small process that kills a hostguard that stands still (rule 17): SIGSTOP would leave the machine running with nobody to wipe it. It is fed a byte each
/// beat through standard input; QEMU dies with hostguard.
/// </summary>
internal static class Watchdog
{
    /// <summary>Silence after which the parent is killed: sixteen beats, so that a busy host is no reason.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(4);

    /// <summary>What a hostguard that ends in order sends last.</summary>
    public static ReadOnlyMemory<byte> Goodbye { get; } = "q"u8.ToArray();

    /// <summary>
    /// Watches the parent until it says goodbye, stands still, or is killed. In the last two cases the mount's connection is aborted, so that nobody waits
    /// for it for ever. Arguments: the parent's process number, and the connection's abort file if there is one.
    /// </summary>
    public static int Run(IReadOnlyList<string> arguments)
    {
        int parentId = int.Parse(arguments[0], CultureInfo.InvariantCulture);
        using PidFd parent = PidFd.Open(parentId);
        using Stream input = Console.OpenStandardInput();
        byte[] beats = new byte[64];
        while (true)
        {
            Task<int> read = input.ReadAsync(beats).AsTask();
            if (!read.Wait(SilenceMax))
            {
                _ = parent.Signal(ProcessSignal.Kill);
                _ = parent.WaitForExit(SilenceMax);
                return Abort(arguments);
            }
            if (read.Result == 0)
                return Abort(arguments);
            if (beats.AsSpan(0, read.Result).Contains(Goodbye.Span[0]))
                return 0;
        }
    }

    private static int Abort(IReadOnlyList<string> arguments)
    {
        try
        {
            if (arguments.Count > 1 && File.Exists(arguments[1]))
                File.WriteAllText(arguments[1], "1");
        }
        catch (IOException)
        {
            // The connection went away by itself in between.
        }
        return 0;
    }
}
