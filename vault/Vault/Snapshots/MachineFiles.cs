using System.Text.RegularExpressions;
using VmPod.Vault.Format;

namespace VmPod.Vault.Snapshots;

/// <summary>What the files of a machine are, by the names that VMware gives them.</summary>
internal static partial class MachineFiles
{
    /// <summary>What a file is to the session. The bytes of one called <see cref="StreamKind.File"/> may still say that it holds a disk.</summary>
    public static StreamKind KindOf(string name, uint mode)
    {
        // Only plain files have a mode of nothing at all: a machine's own streams have none.
        if (mode == 0)
            return StreamKind.File;
        return Path.GetExtension(name).ToUpperInvariant() switch
        {
            ".VMDK" when FlatExtent().IsMatch(name) => StreamKind.Disk,
            ".VMEM" => StreamKind.Memory,
            ".VMSS" or ".VMSN" => StreamKind.State,
            _ => StreamKind.File,
        };
    }

    // disk-flat.vmdk of one extent, disk-f001.vmdk of several.
    [GeneratedRegex(@"-(flat|f[0-9]{3})\.vmdk$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex FlatExtent();
}
