using System.Globalization;
using VmPod.Benchmarks.Peers;
using VmPod.Foundation;

namespace VmPod.Benchmarks.Report;

/// <summary>Empties the kernel's page cache (proc(5), drop_caches), so that files come from the disk.</summary>
internal static class ColdCaches
{
    private const string File = "/proc/sys/vm/drop_caches";

    /// <summary>Why it cannot be done here; null if it can.</summary>
    public static string? WhyNot { get; } = Try();

    /// <summary>Writes back everything, then drops what is cached.</summary>
    public static void Drop()
    {
        Command.Run("sync", []);
        System.IO.File.WriteAllText(File, "3");
    }

    /// <summary>MiB of a folder's files that are in the page cache (fincore of util-linux).</summary>
    public static double CachedMiB(IEnumerable<string> files)
    {
        string output = Command.Run("fincore", ["--bytes", "--noheadings", "--output", "RES", "--", .. files]);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Sum(l => double.Parse(l, CultureInfo.InvariantCulture)) / (1 << 20);
    }

    private static string? Try()
    {
        try
        {
            System.IO.File.WriteAllText(File, "1");
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or VmPodException)
        {
            return $"{File}: {e.Message}";
        }
    }
}
