using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>An epoch as it stands in the log: session 16, number 4, wrapped key 64.</summary>
internal sealed record EpochEntry(SessionHandle Session, uint Number, byte[] WrappedKey)
{
    /// <summary>Purpose of the wrapping of an epoch's key.</summary>
    public const string KeyLabel = "epoch";

    /// <summary>Purpose of the wrapping of a lease's key.</summary>
    public const string LeaseKeyLabel = "lease";

    /// <summary>What an epoch's wrapped key is bound to.</summary>
    public static byte[] Context(SessionHandle session, uint number) => new ByteWriter().Handle(session).UInt32(number).Written.ToArray();

    /// <summary>What a lease's wrapped key is bound to.</summary>
    public static byte[] LeaseContext(SessionHandle session, ulong term) => new ByteWriter().Handle(session).UInt64(term).Written.ToArray();

    /// <summary>The entry's payload.</summary>
    public byte[] ToBytes() => new ByteWriter().Handle(Session).UInt32(Number).Bytes(WrappedKey).Written.ToArray();

    /// <summary>Reads one. Null unless canonical.</summary>
    public static EpochEntry? TryRead(ReadOnlySpan<byte> bytes)
    {
        var r = new ByteReader(bytes);
        ReadOnlySpan<byte> session = r.Bytes(SessionHandle.Size);
        uint number = r.UInt32();
        ReadOnlySpan<byte> wrapped = r.Bytes(KeyWrap.WrappedBytes);
        return r.IsAtEnd ? new EpochEntry(SessionHandle.ReadFrom(session), number, wrapped.ToArray()) : null;
    }
}
