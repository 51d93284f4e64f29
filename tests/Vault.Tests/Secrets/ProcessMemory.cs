using System.Globalization;

namespace VmPod.Vault.Tests.Secrets;

/// <summary>This process as a debugger sees it: /proc/self/mem, maps, smaps and status.</summary>
internal static class ProcessMemory
{
    internal static void Read(nint address, Span<byte> destination)
    {
        if (TryRead(address, destination) != destination.Length)
            throw new IOException("That memory is not mapped.");
    }

    /// <summary>Bytes read: fewer where the mapping ends or may not be read.</summary>
    internal static int TryRead(nint address, Span<byte> destination)
    {
        using FileStream memory = new("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        int length = 0;
        try
        {
            memory.Position = address;
            for (int read; length < destination.Length && (read = memory.Read(destination[length..])) > 0;)
                length += read;
        }
        catch (IOException)
        {
            // A hole inside a reserved region: what was read before it counts.
        }
        return length;
    }

    internal static List<(nint Start, nint End)> WritableRegions() =>
        [.. File.ReadLines("/proc/self/maps").Where(line => line.Split(' ')[1][1] == 'w').Select(Range)];

    /// <summary>The two-letter flags of the mapping that holds an address (proc(5), VmFlags): lo locked, dd not dumped, wf wiped on
    /// fork.</summary>
    internal static string[] VmFlags(nint address)
    {
        bool inside = false;
        foreach (string line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.StartsWith("VmFlags:", StringComparison.Ordinal))
            {
                if (inside)
                    return line["VmFlags:".Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            }
            else if (!line.Split(' ')[0].EndsWith(':'))
            {
                (nint start, nint end) = Range(line);
                inside = address >= start && address < end;
            }
        }
        throw new IOException("That memory is not mapped.");
    }

    /// <summary>What earlier tests forgot is zeroed and given back now, and not while a test measures.</summary>
    internal static void Settle()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    /// <summary>Locked memory of this process in bytes (VmLck).</summary>
    internal static long LockedBytes()
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmLck:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) * 1024;
    }

    private static (nint Start, nint End) Range(string line)
    {
        string[] ends = line.Split(' ')[0].Split('-');
        return (nint.Parse(ends[0], NumberStyles.HexNumber), nint.Parse(ends[1], NumberStyles.HexNumber));
    }
}
