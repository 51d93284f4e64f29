using VmPod.Foundation;

namespace VmPod.HostGuard.Machine;

/// <summary>Refuses a host whose swap would keep guest data in the clear (rule 16).</summary>
public static class SwapCheck
{
    /// <summary>Judges the host's active swap.</summary>
    /// <param name="procSwaps">The content of /proc/swaps.</param>
    /// <param name="readSysBlock">Reads a file below /sys/class/block by its relative path, or gives null.</param>
    /// <exception cref="VmPodException">Unencrypted swap is active (exit code 9).</exception>
    public static SwapProtection Judge(string procSwaps, Func<string, string?> readSysBlock)
    {
        bool any = false;
        foreach (string line in procSwaps.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            string name = line.Split((char[])[' ', '\t'], 2)[0];
            any = true;
            if (!IsUnreadableLater(name, readSysBlock))
                throw new VmPodException(ExitCode.Missing,
                    $"Unencrypted swap is active on this host ({name}): guest data could stay on its disk.",
                    $"Turn it off (swapoff {name}) or put it on dm-crypt.");
        }
        return any ? SwapProtection.EncryptedSwap : SwapProtection.NoSwap;
    }

    /// <summary>Judges this host.</summary>
    /// <exception cref="VmPodException">As for <see cref="Judge"/>.</exception>
    public static SwapProtection JudgeThisHost() => Judge(File.ReadAllText("/proc/swaps"), relative =>
    {
        string path = Path.Combine("/sys/class/block", relative);
        return File.Exists(path) ? File.ReadAllText(path) : null;
    });

    private static bool IsUnreadableLater(string name, Func<string, string?> readSysBlock)
    {
        if (!name.StartsWith("/dev/", StringComparison.Ordinal))
            return false;       // a swap file: what is below it is not ours to guess
        string device = Path.GetFileName(name);
        if (readSysBlock(device + "/dm/uuid") is { } uuid)
            return uuid.StartsWith("CRYPT-", StringComparison.Ordinal);
        return device.StartsWith("zram", StringComparison.Ordinal) && (readSysBlock(device + "/backing_dev")?.Trim() ?? "none") == "none";
    }
}
