using ArmAes = System.Runtime.Intrinsics.Arm.Aes;
using X86Aes = System.Runtime.Intrinsics.X86.Aes;

namespace VmPod.Vault.Keys;

/// <summary>The two cipher suites. A vault has one, from its making on; nothing is negotiated (SPEC, V-115).</summary>
public static class CellSuite
{
    /// <summary>Keyed BLAKE2b-256 and ChaCha20-Poly1305: for machines without instructions for AES.</summary>
    public const byte Blake2bChaCha20 = 1;

    /// <summary>HMAC-SHA-256 and AES-256-GCM: faster wherever AES has instructions.</summary>
    public const byte HmacAes = 2;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<byte> All { get; } = [HmacAes, Blake2bChaCha20];

    /// <summary>The faster one on this machine.</summary>
    public static byte OfThisMachine => X86Aes.IsSupported || ArmAes.IsSupported ? HmacAes : Blake2bChaCha20;
}
