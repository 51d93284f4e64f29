using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots.Containers;

/// <summary>The name of the disk in a container: below the file's own name, where no file can be.</summary>
internal static class ContainerNames
{
    private const string Suffix = "/disk";

    /// <summary>The disk's name, or null if it would be too long.</summary>
    public static string? DiskOf(string container) =>
        Encoding.UTF8.GetByteCount(container) + Suffix.Length <= FormatLimits.NameBytesMax ? container + Suffix : null;

    /// <summary>The container that a disk of this name would be of, or null.</summary>
    public static string? OwnerOf(string disk) => disk.EndsWith(Suffix, StringComparison.Ordinal) ? disk[..^Suffix.Length] : null;
}
