using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Homes;

/// <summary>K_home under K_vault, and K_lease under K_home (V-120, V-121): each bound to its pairing, and to its session and lease.</summary>
internal static class HomeKeyWrap
{
    private const string HomeLabel = "home-key", LeaseLabel = "home-lease";

    public static byte[] Wrap(SecretBuffer vaultKey, SecretBuffer homeKey, UInt128 vaultId, UInt128 pairing) =>
        KeyWrap.Wrap(vaultKey, homeKey, HomeLabel, vaultId, new ByteWriter().UInt128(pairing).Written);

    public static SecretBuffer? TryUnwrap(SecretBuffer vaultKey, ReadOnlySpan<byte> wrapped, UInt128 vaultId, UInt128 pairing) =>
        KeyWrap.TryUnwrap(vaultKey, wrapped, HomeLabel, vaultId, new ByteWriter().UInt128(pairing).Written);

    public static byte[] WrapLease(SecretBuffer homeKey, SecretBuffer leaseKey, UInt128 vaultId, UInt128 pairing, SessionHandle session, ulong leaseId) =>
        KeyWrap.Wrap(homeKey, leaseKey, LeaseLabel, vaultId, Context(pairing, session, leaseId));

    public static SecretBuffer? TryUnwrapLease(SecretBuffer homeKey, ReadOnlySpan<byte> wrapped, UInt128 vaultId, UInt128 pairing, SessionHandle session,
        ulong leaseId) => KeyWrap.TryUnwrap(homeKey, wrapped, LeaseLabel, vaultId, Context(pairing, session, leaseId));

    private static ReadOnlySpan<byte> Context(UInt128 pairing, SessionHandle session, ulong leaseId) =>
        new ByteWriter().UInt128(pairing).Handle(session).UInt64(leaseId).Written;
}
