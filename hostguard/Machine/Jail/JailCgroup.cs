using System.Globalization;

namespace VmPod.HostGuard.Machine;

/// <summary>
/// A control group (v2) for one QEMU: without swap where the memory controller is there, and with the kernel's freezer and killer, which
/// reach every process inside whatever it does. A second line: SIGSTOP and SIGKILL by process descriptor work without it.
/// </summary>
internal sealed class JailCgroup : IDisposable
{
    private const string Prefix = "vmpod-jail-";
    private readonly string _path;

    private JailCgroup(string path) => _path = path;

    /// <summary>True if the kernel accepted a swap limit of 0.</summary>
    public bool WithoutSwap { get; private init; }

    /// <summary>Makes a group, or gives null where this process may not (not root, no cgroup2).</summary>
    public static JailCgroup? TryCreate()
    {
        string? root = File.ReadLines("/proc/self/mounts").Select(line => line.Split(' '))
            .FirstOrDefault(fields => fields.Length > 2 && fields[2] == "cgroup2")?[1];
        if (root is null)
            return null;
        RemoveEmpty(root);
        string path = Path.Combine(root, Prefix + Guid.NewGuid().ToString("n", CultureInfo.InvariantCulture));
        try
        {
            _ = Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        _ = TryWrite(Path.Combine(root, "cgroup.subtree_control"), "+memory");
        return new JailCgroup(path) { WithoutSwap = TryWrite(Path.Combine(path, "memory.swap.max"), "0") };
    }

    /// <summary>Moves a process into the group.</summary>
    public bool TryAdd(int processId) => TryWrite(Path.Combine(_path, "cgroup.procs"), processId.ToString(CultureInfo.InvariantCulture));

    /// <summary>Stops everything in the group, or lets it go on.</summary>
    public bool TryFreeze(bool frozen) => TryWrite(Path.Combine(_path, "cgroup.freeze"), frozen ? "1" : "0");

    /// <summary>Kills everything in the group (Linux 5.14).</summary>
    public bool TryKill() => TryWrite(Path.Combine(_path, "cgroup.kill"), "1");

    /// <summary>Removes the group if it is empty; a later start removes what is left over.</summary>
    public void Dispose() => TryRemove(_path);

    private static void RemoveEmpty(string root)
    {
        foreach (string left in Directory.EnumerateDirectories(root, Prefix + "*"))
        {
            // A group that another hostguard just made and has not filled is empty too: leave young ones alone.
            if (TimeProvider.System.GetUtcNow() - Directory.GetCreationTimeUtc(left) > TimeSpan.FromMinutes(5))
                TryRemove(left);
        }
    }

    private static void TryRemove(string path)
    {
        try
        {
            Directory.Delete(path, recursive: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not empty (a process is still dying) or not ours.
        }
    }

    private static bool TryWrite(string path, string value)
    {
        try
        {
            if (!File.Exists(path))
                return false;
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(value));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
