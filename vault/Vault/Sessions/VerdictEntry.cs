using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>A verdict on a pending commit as it stands in the log (V-97), signed by the owner's key: so only an unlocked pod makes one.</summary>
internal sealed record VerdictEntry(SessionHandle Session, ulong CommitOffset, Digest CommitHash, CommitTrust Trust, ulong TimeMs, byte[] OwnerSignature)
{
    private static ReadOnlySpan<byte> Label => "vmpod/v1/verdict\0"u8;

    /// <summary>What the owner's key signs.</summary>
    public byte[] SignedBytes(UInt128 vaultId)
    {
        var writer = new ByteWriter().Bytes(Label).UInt128(vaultId);
        WriteSigned(writer);
        return writer.Written.ToArray();
    }

    /// <summary>The entry's payload.</summary>
    public byte[] ToBytes()
    {
        var writer = new ByteWriter();
        WriteSigned(writer);
        return writer.Bytes(OwnerSignature).Written.ToArray();
    }

    /// <summary>Reads one. Null unless canonical.</summary>
    public static VerdictEntry? TryRead(ReadOnlySpan<byte> bytes)
    {
        var r = new ByteReader(bytes);
        ReadOnlySpan<byte> session = r.Bytes(SessionHandle.Size);
        ulong offset = r.UInt64();
        ReadOnlySpan<byte> hash = r.Bytes(Digest.Size);
        byte trust = r.Byte();
        ulong time = r.UInt64();
        ReadOnlySpan<byte> signature = r.Bytes(SigningKey.SignatureBytes);
        return r.IsAtEnd && trust is (byte)CommitTrust.Sound or (byte)CommitTrust.Refused or (byte)CommitTrust.Accepted
            ? new VerdictEntry(SessionHandle.ReadFrom(session), offset, Digest.ReadFrom(hash), (CommitTrust)trust, time, signature.ToArray())
            : null;
    }

    private void WriteSigned(ByteWriter writer) =>
        writer.Handle(Session).UInt64(CommitOffset).Hash(CommitHash).Byte((byte)Trust).UInt64(TimeMs);
}
