using System.Globalization;

namespace VmPod.Testing;

/// <summary>What /proc says about a process at one moment.</summary>
/// <param name="Pid">The process.</param>
/// <param name="Name">Its short name.</param>
/// <param name="State">R, S, D, T (stopped), Z (dead, not collected).</param>
/// <param name="OpenFiles">Number of a descriptor, and what it refers to.</param>
/// <param name="LockedKiB">Memory locked in RAM (VmLck).</param>
/// <param name="ResidentKiB">Memory in RAM (VmRSS).</param>
/// <param name="PeakResidentKiB">The most it ever was (VmHWM).</param>
public sealed record ProcessSnapshot(int Pid, string Name, char State, IReadOnlyDictionary<int, string> OpenFiles, long LockedKiB, long ResidentKiB,
    long PeakResidentKiB)
{
    /// <summary>Whether a process runs; a dead one that nobody collected does not.</summary>
    public static bool IsAlive(int pid)
    {
        // By its state alone: descriptors that are closed while they are listed would make a busy process look dead.
        string stat = System.Text.Encoding.UTF8.GetString(Look(pid, "stat"));
        // state is field 3, num_threads 20. A process whose first thread is dead lives on, with its locks and sockets, while another one is in the
        // kernel: one that was killed in an fsync, say.
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 17 && (fields[0] is not ("Z" or "X") || fields[17] is not ("0" or "1"));
    }

    /// <summary>Looks at a process.</summary>
    /// <exception cref="IOException">There is none of this number.</exception>
    public static ProcessSnapshot Of(int pid)
    {
        Dictionary<string, string> status = File.ReadAllLines($"/proc/{pid}/status").Select(line => line.Split(':', 2)).Where(p => p.Length == 2)
            .ToDictionary(p => p[0], p => p[1].Trim());
        var files = new Dictionary<int, string>();
        if (status["State"][0] is not ('Z' or 'X'))
        {
            foreach (string path in Directory.EnumerateFileSystemEntries($"/proc/{pid}/fd"))
            {
                try
                {
                    if (File.ResolveLinkTarget(path, returnFinalTarget: false) is FileSystemInfo target)
                        files[int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture)] = Unrooted(target.FullName, pid);
                }
                catch (FileNotFoundException)
                {
                    // A descriptor that was closed between the listing and the look.
                }
            }
        }
        return new ProcessSnapshot(pid, status["Name"], status["State"][0], files, KiB("VmLck"), KiB("VmRSS"), KiB("VmHWM"));

        long KiB(string key) => status.TryGetValue(key, out string? value) ? long.Parse(value.Split(' ')[0], CultureInfo.InvariantCulture) : 0;
    }

    /// <summary>The processes of this machine.</summary>
    public static IEnumerable<int> All() => Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(n => int.TryParse(n, out _))
        .Select(n => int.Parse(n!, CultureInfo.InvariantCulture));

    /// <summary>A process's short name; empty if there is none of this number.</summary>
    public static string NameOf(int pid) => System.Text.Encoding.UTF8.GetString(Look(pid, "comm")).TrimEnd('\n');

    /// <summary>The environment that a process was started with, each entry ended by a zero byte; empty if there is none of this number.</summary>
    public static byte[] EnvironmentOf(int pid) => Look(pid, "environ");

    private static byte[] Look(int pid, string file)
    {
        try
        {
            return File.ReadAllBytes($"/proc/{pid}/{file}");
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>The processes that this one started and that still run, and theirs.</summary>
    public static IReadOnlyList<int> Descendants(int pid)
    {
        ILookup<int, int> children = All().Select(child => (Parent: ParentOf(child), Child: child)).ToLookup(p => p.Parent, p => p.Child);
        var found = new List<int>();
        var todo = new Queue<int>([pid]);
        while (todo.TryDequeue(out int parent))
        {
            foreach (int child in children[parent])
            {
                found.Add(child);
                todo.Enqueue(child);
            }
        }
        return found;
    }

    /// <summary>The readable ranges of a process's memory.</summary>
    public static IEnumerable<(ulong Start, ulong End)> ReadableRanges(int pid)
    {
        foreach (string line in File.ReadAllLines($"/proc/{pid}/maps"))
        {
            string[] parts = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (parts[1][0] != 'r' || parts[^1] is "[vvar]" or "[vvar_vclock]" or "[vsyscall]")
                continue;
            string[] ends = parts[0].Split('-');
            yield return (ulong.Parse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                ulong.Parse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        }
    }

    private static int ParentOf(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>.NET makes a full path of "socket:[123]" and the like; this is what the kernel said.</summary>
    private static string Unrooted(string target, int pid)
    {
        string folder = $"/proc/{pid}/fd/";
        return target.StartsWith(folder, StringComparison.Ordinal) ? target[folder.Length..] : target;
    }
}
