using VmPod.Foundation;

namespace VmPod.PodKeeper.Cli;

/// <summary>The command podkeeper.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        // Before any secret is in memory.
        Libc.ForbidDumps();
        return CommandLine.Run(args);
    }
}
