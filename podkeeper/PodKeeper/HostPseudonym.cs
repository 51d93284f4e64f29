using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace VmPod.PodKeeper;

/// <summary>
/// What a vault calls this machine and this boot: HMAC-SHA-256 of machine-id and boot_id under the vault's id, cut to 128 bits. Two vaults
/// cannot be linked
/// by it without knowing both ids, and a lease of before a reboot is one of another host.
/// </summary>
internal static class HostPseudonym
{
    private const string MachineIdFile = "/etc/machine-id", BootIdFile = "/proc/sys/kernel/random/boot_id";

    /// <summary>This host's.</summary>
    public static UInt128 For(UInt128 vaultId) => For(vaultId, Read(MachineIdFile), Read(BootIdFile));

    /// <summary>A host's, by its ids. Without a machine-id (a container) the boot alone tells hosts apart.</summary>
    internal static UInt128 For(UInt128 vaultId, string machineId, string bootId)
    {
        Span<byte> key = stackalloc byte[16], mac = stackalloc byte[32];
        BinaryPrimitives.WriteUInt128BigEndian(key, vaultId);
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"vmpod/v1/host\n{machineId}\n{bootId}\n"), mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";
}
