using System.Runtime.CompilerServices;
using VmPod.Vault.Cells;

namespace VmPod.Vault.Tests.Cells;

/// <summary>What the test executable does instead of running tests when strace starts it: one small piece of work, and what came of it as
/// its exit code.</summary>
internal static class FsyncHelper
{
    internal const string Variable = "VMPOD_TEST_FSYNC_HELPER";
    internal const int Reported = 40, NotReported = 41, NotPoisoned = 42;

#pragma warning disable CA2255 // The one way to get in before xunit's own Main.
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void Run()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } mode)
            return;
        string dir = Environment.GetEnvironmentVariable(Variable + "_DIR")!;
        Environment.Exit(mode switch
        {
            "dotnet" => DotNet(dir),
            "open" => Open(dir),
            Crash.FaultWork.Writing or Crash.FaultWork.House => Crash.FaultWork.Run(dir, mode),
            _ => Store(dir),
        });
    }

    private static int Open(string dir)
    {
        try
        {
            CellStore.Open(dir, StoreAccess.Write, new FakeAuthority()).Dispose();
            return 0;
        }
        catch (Foundation.VmPodException e)
        {
            Console.Error.WriteLine(e.Message);
            return (int)e.ExitCode;
        }
    }

    private static int DotNet(string dir)
    {
        using var file = new FileStream(Path.Combine(dir, "plain"), FileMode.Create);
        file.WriteByte(1);
        try
        {
            file.Flush(flushToDisk: true);
            return NotReported;
        }
        catch (IOException)
        {
            return Reported;
        }
    }

    private static int Store(string dir)
    {
        using var store = CellStore.Open(dir, StoreAccess.Write, new FakeAuthority());
        _ = PodFolder.Append(store, 0, 1);
        try
        {
            store.Flush();
            return NotReported;
        }
        catch (StorePoisonedException)
        {
            // Injected once only: a second sync would succeed, and that is the trap.
            try
            {
                store.Flush();
                return NotPoisoned;
            }
            catch (StorePoisonedException)
            {
                return Reported;
            }
        }
    }
}
