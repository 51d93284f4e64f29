using System.Runtime.CompilerServices;
using VmPod.HostGuard.Mount;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>Turns this test program, started with one known first argument, into a daemon that serves a mount until it is killed.</summary>
internal static class DaemonProbe
{
    internal const string Argument = "vmpod-mount-daemon-probe";

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255",
        Justification = "The test program has no Main of its own to put this into.")]
    internal static void Run()
    {
        string[] arguments = Environment.GetCommandLineArgs();
        if (arguments.Length < 3 || arguments[1] != Argument)
            return;
        using var reads = new BlockedFile("reads");
        using var barrier = new BlockedFile("barrier", blockFlush: true);
        using FuseMount mount = FuseMount.Start(arguments[2],
            [reads, barrier, new StoredFile("ram", 1 << 20, MountedFileKind.Memory), new PatternFile("config", 5, MountedFileKind.Plain)],
            new FuseMountOptions());
        Console.WriteLine(mount.AbortFile);
        while (Console.ReadLine() == "sync")
        {
            _ = mount.SyncFileAsync("barrier");
            Eventually.True(() => barrier.Waiting == 1, "the barrier waits");
            Console.WriteLine("syncing");
        }
        Environment.Exit(1);
    }
}
