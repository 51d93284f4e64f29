using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>A lease as it stands in the log, before any commit under it (SPEC, "Lease"): what it may write, certified by the owner's key.</summary>
internal sealed record LeaseEntry(
    SessionHandle Session, ulong LeaseId, ulong Term, ulong TimeMs, ulong SessionOffset, ulong EpochOffset, Digest Base, UInt128 Host, byte[] PublicKey,
    byte[] WrappedKey, byte[] OwnerSignature)
{
    private static ReadOnlySpan<byte> Label => "vmpod/v1/lease\0"u8;

    /// <summary>What the owner's key signs.</summary>
    public byte[] SignedBytes(UInt128 vaultId)
    {
        var writer = new ByteWriter().Bytes(Label).UInt64((ulong)(vaultId >> 64)).UInt64((ulong)(vaultId & ulong.MaxValue));
        WriteCertified(writer);
        return writer.Written.ToArray();
    }

    /// <summary>The entry's payload.</summary>
    public byte[] ToBytes()
    {
        var writer = new ByteWriter();
        WriteCertified(writer);
        return writer.Bytes(OwnerSignature).Written.ToArray();
    }

    /// <summary>Reads one. Null unless canonical.</summary>
    public static LeaseEntry? TryRead(ReadOnlySpan<byte> bytes)
    {
        var r = new ByteReader(bytes);
        ReadOnlySpan<byte> session = r.Bytes(SessionHandle.Size);
        ulong lease = r.UInt64(), term = r.UInt64(), time = r.UInt64(), sessionOffset = r.UInt64(), epochOffset = r.UInt64();
        ReadOnlySpan<byte> parent = r.Bytes(Digest.Size);
        var host = new UInt128(r.UInt64(), r.UInt64());
        ReadOnlySpan<byte> publicKey = r.Bytes(SigningKey.PublicKeyBytes), wrapped = r.Bytes(KeyWrap.WrappedBytes),
            signature = r.Bytes(SigningKey.SignatureBytes);
        return r.IsAtEnd
            ? new LeaseEntry(SessionHandle.ReadFrom(session), lease, term, time, sessionOffset, epochOffset, Digest.ReadFrom(parent), host,
                publicKey.ToArray(),
                wrapped.ToArray(), signature.ToArray())
            : null;
    }

    private void WriteCertified(ByteWriter writer)
    {
        writer.Handle(Session).UInt64(LeaseId).UInt64(Term).UInt64(TimeMs).UInt64(SessionOffset).UInt64(EpochOffset).Hash(Base);
        writer.UInt64((ulong)(Host >> 64)).UInt64((ulong)(Host & ulong.MaxValue)).Bytes(PublicKey).Bytes(WrappedKey);
    }
}
