using System.Globalization;

namespace VmPod.HostGuard.Tests.Machine;

/// <summary>What /proc says of a process.</summary>
internal static class ProcFiles
{
    public static string Status(int pid, string field) =>
        File.ReadLines($"/proc/{pid}/status").First(line =>
            line.StartsWith(field + ":", StringComparison.Ordinal))[(field.Length + 1)..].Trim();

    public static string? Namespace(string pid, string kind) => new FileInfo($"/proc/{pid}/ns/{kind}").LinkTarget;

    /// <summary>CPU time of all threads so far, in clock ticks (10 ms).</summary>
    public static long CpuTicks(int pid)
    {
        string[] fields = StatFields(pid);
        return long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
    }

    public static int Parent(int pid) => int.Parse(StatFields(pid)[1], CultureInfo.InvariantCulture);

    public static bool Exists(int pid) => Directory.Exists($"/proc/{pid}");

    /// <summary>VmFlags of the mapping of a file.</summary>
    public static string MappingFlags(int pid, string fileName)
    {
        bool inside = false;
        foreach (string line in File.ReadLines($"/proc/{pid}/smaps"))
        {
            if (line.EndsWith("/" + fileName, StringComparison.Ordinal))
                inside = true;
            else if (inside && line.StartsWith("VmFlags:", StringComparison.Ordinal))
                return line["VmFlags:".Length..].Trim();
        }
        throw new InvalidOperationException($"{fileName} is not mapped.");
    }

    /// <summary>Fields after the name, which may hold anything: state, ppid, ….</summary>
    private static string[] StatFields(int pid)
    {
        string text = File.ReadAllText($"/proc/{pid}/stat");
        return text[(text.LastIndexOf(')') + 2)..].Split(' ');
    }
}
