using System.Diagnostics.CodeAnalysis;
using System.Globalization;

// Named by DOTNET_STARTUP_HOOKS, which looks for exactly this: a type of this name without a namespace.
[SuppressMessage("Design", "CA1050:Declare types in namespaces", Justification = "The runtime asks for it.")]
[SuppressMessage("Performance", "CA1812:Avoid uninstantiated internal classes", Justification = "The runtime calls it.")]
internal static class StartupHook
{
    /// <summary>The variable that names the folder where the collections are counted, in a file named by the process.</summary>
    public const string FolderVariable = "VMPOD_TEST_COLLECTIONS";

    private const int CollectionsPerCount = 20;

    /// <summary>Collects garbage in a loop for as long as the program runs that was started with this hook.</summary>
    [SuppressMessage("Reliability", "CA2001:Avoid calling problematic methods", Justification = "It is what the test is about.")]
    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { } folder)
            return;
        string count = Path.Join(folder, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        var collector = new Thread(() =>
        {
            for (long done = 0; ; done++)
            {
                GC.Collect();
                if (done % CollectionsPerCount == 0)
                {
                    // Whole or not at all: it is read at any moment.
                    File.WriteAllText(count + ".new", done.ToString(CultureInfo.InvariantCulture));
                    File.Move(count + ".new", count, overwrite: true);
                }
                Thread.Sleep(1);
            }
        })
        { IsBackground = true };
        collector.Start();
    }
}
