using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.House;

/// <summary>That a generation or a fork is let go, as it stands in the log (V-160), signed by the owner's key: nothing else drops one (rule 34).</summary>
internal sealed record ForgetEntry(SessionHandle Session, ulong CommitOffset, Digest CommitHash, ulong TimeMs, byte[] OwnerSignature)
{
    private static ReadOnlySpan<byte> Label => "vmpod/v1/forget\0"u8;

    /// <summary>A signed one.</summary>
    public static ForgetEntry Create(SessionHandle session, long commitOffset, Digest commitHash, ulong timeMs, SigningKey owner, UInt128 vaultId)
    {
        var entry = new ForgetEntry(session, (ulong)commitOffset, commitHash, timeMs, new byte[SigningKey.SignatureBytes]);
        owner.Sign(entry.SignedBytes(vaultId), entry.OwnerSignature);
        return entry;
    }

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
    public static ForgetEntry? TryRead(ReadOnlySpan<byte> bytes)
    {
        var r = new ByteReader(bytes);
        ReadOnlySpan<byte> session = r.Bytes(SessionHandle.Size);
        ulong offset = r.UInt64();
        ReadOnlySpan<byte> hash = r.Bytes(Digest.Size);
        ulong time = r.UInt64();
        ReadOnlySpan<byte> signature = r.Bytes(SigningKey.SignatureBytes);
        return r.IsAtEnd ? new ForgetEntry(SessionHandle.ReadFrom(session), offset, Digest.ReadFrom(hash), time, signature.ToArray()) : null;
    }

    private void WriteSigned(ByteWriter writer) => writer.Handle(Session).UInt64(CommitOffset).Hash(CommitHash).UInt64(TimeMs);
}
