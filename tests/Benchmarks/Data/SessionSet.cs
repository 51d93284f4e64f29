using VmPod.Benchmarks.Peers;
using VmPod.Foundation;
using VmPod.Testing;

namespace VmPod.Benchmarks.Data;

/// <summary>Generations of one session: folders with the same file names, oldest first.</summary>
internal sealed class SessionSet
{
    private SessionSet(string source, IReadOnlyList<string> folders)
    {
        Source = source;
        Folders = folders;
    }

    /// <summary>Where they come from, for the report.</summary>
    public string Source { get; }

    /// <summary>Folder of each generation.</summary>
    public IReadOnlyList<string> Folders { get; }

    /// <summary>The memory of the newest generation.</summary>
    public string NewestMemory => Path.Join(Folders[^1], "mem.raw");

    /// <summary>Given ones, synthetic ones, or those of a real guest (about 2 minutes if they are not made yet).</summary>
    /// <exception cref="VmPodException">The folder has no generations (3).</exception>
    public static SessionSet Open(BenchOptions options, string workFolder)
    {
        if (options.Sessions is { } given)
            return Of(given, "given by --sessions");
        if (options.Quick)
        {
            options.Log.WriteLine("making synthetic sessions");
            SyntheticSessions.Write(Path.Join(workFolder, "sessions"));
            return Of(Path.Join(workFolder, "sessions"), "synthetic (--quick): tells nothing about real sessions");
        }
        options.Log.WriteLine("sessions of tests/Guest/make-sessions.sh: about 2 minutes if they are not made yet");
        string folder = Command.Run(Repository.PathOf("tests", "Guest", "make-sessions.sh"), []).Trim().Split('\n')[^1];
        return Of(folder, "tests/Guest/make-sessions.sh (a real guest: idle, light office work, packages and a compiler, light again)");
    }

    private static SessionSet Of(string folder, string source)
    {
        var folders = Enumerable.Range(0, int.MaxValue).Select(i => Path.Join(folder, $"gen{i}")).TakeWhile(Directory.Exists).ToList();
        return folders.Count >= 2 ? new SessionSet(source, folders)
            : throw new VmPodException(ExitCode.NotFound, $"{folder} does not hold gen0, gen1, ...", "tests/Guest/make-sessions.sh DIR makes them.");
    }
}
