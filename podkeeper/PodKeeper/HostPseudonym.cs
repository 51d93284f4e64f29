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
    internal static UInt128 For(UInt128 vaultId, string machineId, string bootId) => Of(vaultId, $"vmpod/v1/host\n{machineId}\n{bootId}\n");

    /// <summary>A paired host's, during one boot of it: who stole a pairing is another host than the one that had it.</summary>
    /// <param name="vaultId">The vault.</param>
    /// <param name="pairingId">The pairing that the host proved to hold.</param>
    /// <param name="bootId">What it said of its boot.</param>
    internal static UInt128 ForPaired(UInt128 vaultId, UInt128 pairingId, UInt128 bootId) =>
        Of(vaultId, $"vmpod/v1/paired-host\n{pairingId:x32}\n{bootId:x32}\n");

    /// <summary>A paired host's in the audit log, whatever its boot.</summary>
    internal static UInt128 ForPairing(UInt128 vaultId, UInt128 pairingId) => Of(vaultId, $"vmpod/v1/pairing\n{pairingId:x32}\n");

    private static UInt128 Of(UInt128 vaultId, string what)
    {
        Span<byte> key = stackalloc byte[16], mac = stackalloc byte[32];
        BinaryPrimitives.WriteUInt128BigEndian(key, vaultId);
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(what), mac);
        return BinaryPrimitives.ReadUInt128BigEndian(mac);
    }

    private static string Read(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";
}
