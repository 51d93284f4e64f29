using System.Runtime.CompilerServices;
using VmPod.HostGuard.Mount;

namespace VmPod.HostGuard.Tests.Mount;

/// <summary>Turns this test program, started with one known first argument, into a program that enters its own mount namespace and tells
/// about it.</summary>
internal static class PrivateNamespaceProbe
{
    internal const string Argument = "vmpod-private-namespace-probe";

    [ModuleInitializer]
    [System.Diagnostics.CodeAnalysis.SuppressMessage("Usage", "CA2255",
        Justification = "The test program has no Main of its own to put this into.")]
    internal static void Run()
    {
        string[] arguments = Environment.GetCommandLineArgs();
        if (arguments.Length < 2 || arguments[1] != Argument)
            return;
        Console.WriteLine($"private {PrivateNamespace.IsPrivate}");
        PrivateNamespace.ReExecIfNeeded();
        Console.WriteLine($"pid {Environment.ProcessId}");
        Console.WriteLine($"namespace {File.ResolveLinkTarget("/proc/self/ns/mnt", false)!.Name}");
        Console.WriteLine($"arguments {string.Join('|', arguments[2..])}");
        Console.WriteLine($"input {Console.ReadLine()}");
        string folder = Directory.CreateTempSubdirectory("vmpod-private-").FullName;
        using (FuseMount.Start(folder, [new PatternFile("ram", 4096)], new FuseMountOptions()))
        {
            Console.WriteLine($"mounted {folder} {File.Exists(Path.Combine(folder, "ram"))}");
            Console.ReadLine();
        }
        Directory.Delete(folder);
        Environment.Exit(37);
    }
}
