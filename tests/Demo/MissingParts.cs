using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>What the demo cannot do without: said before anything is begun, all of it at once.</summary>
internal static class MissingParts
{
    private static readonly string[] Programs = ["qemu-system-x86_64", "bwrap", "fusermount3", "ip", "unshare", "tcpdump", "mkfs.ext4", "losetup"];

    /// <summary>Looks.</summary>
    /// <exception cref="PlatformNotSupportedException">Something is missing; the message names it.</exception>
    public static void ThrowIfAny()
    {
        var missing = new List<string>();
        foreach (string program in Programs)
        {
            try
            {
                _ = SystemTools.Find(program);
            }
            catch (FileNotFoundException)
            {
                missing.Add(program);
            }
        }
        foreach (string part in (string[])["/dev/fuse", "/proc/self/ns/net", "/proc/self/ns/mnt"])
        {
            if (!File.Exists(part))
                missing.Add(part);
        }
        if (missing.Count > 0)
        {
            throw new PlatformNotSupportedException($"this machine has no {string.Join(", ", missing)}. ./vmpod build as root installs programs; /dev/fuse and "
                + "namespaces are the kernel's, or a container's to give.");
        }
    }
}
