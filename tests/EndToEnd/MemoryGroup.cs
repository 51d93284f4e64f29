using System.Globalization;
using VmPod.Testing;

namespace VmPod.EndToEnd;

/// <summary>A memory cgroup of its own, version 1 or 2, whichever has the memory controller on this machine. Needs root.</summary>
internal sealed class MemoryGroup : IDisposable
{
    private readonly string folder;
    private readonly bool isVersion2;

    private MemoryGroup(string folder, bool isVersion2) => (this.folder, this.isVersion2) = (folder, isVersion2);

    /// <summary>What goes before a command, so that it and all that it starts are in the group.</summary>
    /// <param name="variables">NAME=VALUE, set for it.</param>
    public IReadOnlyList<string> Wrapper(params IReadOnlyList<string> variables) =>
        ["sh", "-c", $"echo $$ > '{folder}/cgroup.procs' && exec env \"$@\"", "sh", .. variables];

    /// <summary>The most that was in use, in bytes; page cache counts.</summary>
    public long PeakBytes => Number(isVersion2 ? "memory.peak" : "memory.max_usage_in_bytes");

    /// <summary>Processes that the kernel killed for want of memory.</summary>
    public long Killed => long.Parse(File.ReadLines(Path.Join(folder, isVersion2 ? "memory.events" : "memory.oom_control"))
        .First(line => line.StartsWith("oom_kill ", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);

    /// <summary>How often the limit was reached, and something had to be given back first.</summary>
    public long LimitReached => isVersion2
        ? long.Parse(File.ReadLines(Path.Join(folder, "memory.events")).First(line => line.StartsWith("max ", StringComparison.Ordinal)).Split(' ')[1],
            CultureInfo.InvariantCulture)
        : Number("memory.failcnt");

    /// <summary>Makes a group with a limit.</summary>
    /// <exception cref="InvalidOperationException">This machine has no memory controller: a failure of the machine, and no reason to skip a test.</exception>
    public static MemoryGroup Create(long limitBytes)
    {
        (string root, bool isVersion2) = FindController();
        string folder = Path.Join(root, "vmpod-test-" + Guid.NewGuid().ToString("n")[..12]);
        Directory.CreateDirectory(folder);
        var group = new MemoryGroup(folder, isVersion2);
        try
        {
            group.Write(isVersion2 ? "memory.max" : "memory.limit_in_bytes", limitBytes);
            return group;
        }
        catch
        {
            group.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // The kernel empties it a moment after the last process in it is gone.
        for (int tries = 0; ; tries++)
        {
            try
            {
                Directory.Delete(folder);
                return;
            }
            catch (IOException) when (tries < 100)
            {
                Thread.Sleep(50);
            }
        }
    }

    private static (string Root, bool IsVersion2) FindController()
    {
        foreach (string[] fields in File.ReadLines("/proc/mounts").Select(line => line.Split(' ')))
        {
            if (fields[2] == "cgroup" && fields[3].Split(',').Contains("memory"))
                return (fields[1], false);
            if (fields[2] != "cgroup2" || !File.ReadAllText(Path.Join(fields[1], "cgroup.controllers")).Split().Contains("memory"))
                continue;
            File.WriteAllText(Path.Join(fields[1], "cgroup.subtree_control"), "+memory");
            return (fields[1], true);
        }
        throw new InvalidOperationException("There is no memory controller: neither cgroup version 1 nor 2 is mounted with one (/proc/mounts).");
    }

    private long Number(string file) => long.Parse(File.ReadAllText(Path.Join(folder, file)).Trim(), CultureInfo.InvariantCulture);

    private void Write(string file, long value) => File.WriteAllText(Path.Join(folder, file), value.ToString(CultureInfo.InvariantCulture));
}
