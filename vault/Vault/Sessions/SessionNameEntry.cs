using System.Text;
using VmPod.Secrets;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;

namespace VmPod.Vault.Sessions;

/// <summary>A session as it stands in the log: handle 16, created ms 8, wrapped K_session 64, sealed name. The name is padded, so its
/// length does not show.</summary>
internal sealed record SessionNameEntry(SessionHandle Session, ulong CreatedMs, byte[] WrappedKey, byte[] SealedName)
{
    private const string KeyLabel = "session", NameLabel = "session-name";
    private const int NameFieldBytes = 1 + FormatLimits.SessionNameBytesMax;

    /// <summary>Makes one, with the key of the new session.</summary>
    public static SessionNameEntry Create(SecretBuffer vaultKey, UInt128 vaultId, SessionHandle session, SecretBuffer sessionKey, string name,
        ulong createdMs)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(name);
        byte[] field = new byte[NameFieldBytes];
        field[0] = (byte)utf8.Length;
        utf8.CopyTo(field, 1);
        byte[] sealedName = new byte[KeyWrap.SealedBytes(NameFieldBytes)];
        KeyWrap.Seal(vaultKey, field, NameLabel, vaultId, Context(session), sealedName);
        return new SessionNameEntry(session, createdMs, KeyWrap.Wrap(vaultKey, sessionKey, KeyLabel, vaultId, Context(session)), sealedName);
    }

    /// <summary>The session's key. Null if it does not authenticate.</summary>
    public SecretBuffer? UnwrapKey(SecretBuffer vaultKey, UInt128 vaultId) => KeyWrap.TryUnwrap(vaultKey, WrappedKey, KeyLabel, vaultId, Context(Session));

    /// <summary>The session's name. Null if it does not authenticate.</summary>
    public string? OpenName(SecretBuffer vaultKey, UInt128 vaultId)
    {
        byte[] field = new byte[NameFieldBytes];
        return KeyWrap.TryOpen(vaultKey, SealedName, NameLabel, vaultId, Context(Session), field) && field[0] <= FormatLimits.SessionNameBytesMax
            ? Encoding.UTF8.GetString(field, 1, field[0])
            : null;
    }

    /// <summary>The entry's payload.</summary>
    public byte[] ToBytes() => new ByteWriter().Handle(Session).UInt64(CreatedMs).Bytes(WrappedKey).Bytes(SealedName).Written.ToArray();

    /// <summary>Reads one. Null unless canonical.</summary>
    public static SessionNameEntry? TryRead(ReadOnlySpan<byte> bytes)
    {
        var r = new ByteReader(bytes);
        ReadOnlySpan<byte> session = r.Bytes(SessionHandle.Size);
        ulong created = r.UInt64();
        ReadOnlySpan<byte> wrapped = r.Bytes(KeyWrap.WrappedBytes), name = r.Bytes(KeyWrap.SealedBytes(NameFieldBytes));
        return r.IsAtEnd ? new SessionNameEntry(SessionHandle.ReadFrom(session), created, wrapped.ToArray(), name.ToArray()) : null;
    }

    private static byte[] Context(SessionHandle session) => new ByteWriter().Handle(session).Written.ToArray();
}
