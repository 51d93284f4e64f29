using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Text;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>OPEN_LEASE: opens a lease on a session; sent by <see cref="WireLink.OpenLease"/>.</summary>
public sealed record LeaseRequest : IWireMessage
{
    private const int CreateFlag = 1, TipFlag = 2, GenerationFlag = 4, ForkFlag = 8;

    /// <summary>The session's name, not empty, printable.</summary>
    public required string Session { get; init; }

    /// <summary>What for.</summary>
    public required LeasePurpose Purpose { get; init; }

    /// <summary>The session may be new.</summary>
    public required bool Create { get; init; }

    /// <summary>The lease begins from the newest draft, not from the newest generation.</summary>
    public required bool Tip { get; init; }

    /// <summary>The generation it begins from; null for the newest.</summary>
    public required ulong? Generation { get; init; }

    /// <summary>The fork it begins from, by the id of the lease that left it; null for none.</summary>
    public ulong? Fork { get; init; }

    /// <summary>The Ed25519 public key that will sign this lease's commits: 32 bytes.</summary>
    public required ReadOnlyMemory<byte> Signer { get; init; }

    /// <inheritdoc/>
    public WireType Type => WireType.OpenLease;

    /// <inheritdoc/>
    public int BodyBytes => 2 + Encoding.UTF8.GetByteCount(Session) + 1 + 1 + 8 + Digest.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out LeaseRequest? message)
    {
        var r = new ByteReader(body);
        string session = r.WireText(WireLimits.SessionNameBytesMax);
        byte purpose = r.Byte(), flags = r.Byte();
        ulong generation = r.UInt64();
        ReadOnlySpan<byte> signer = r.Bytes(Digest.Size);
        r.Require(session.Length > 0 && purpose is >= 1 and <= 3 && flags <= (CreateFlag | TipFlag | GenerationFlag | ForkFlag));
        r.Require((flags & (GenerationFlag | ForkFlag)) != 0 || generation == 0);
        r.Require(BitOperations.PopCount((uint)flags & (TipFlag | GenerationFlag | ForkFlag)) <= 1);
        message = r.IsAtEnd ? new()
        {
            Session = session,
            Purpose = (LeasePurpose)purpose,
            Create = (flags & CreateFlag) != 0,
            Tip = (flags & TipFlag) != 0,
            Generation = (flags & GenerationFlag) != 0 ? generation : null,
            Fork = (flags & ForkFlag) != 0 ? generation : null,
            Signer = signer.ToArray(),
        } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Text(Session, WireLimits.SessionNameBytesMax);
        w.Byte((byte)Purpose);
        w.Byte((byte)((Create ? CreateFlag : 0) | (Tip ? TipFlag : 0) | (Generation is null ? 0 : GenerationFlag)
            | (Fork is null ? 0 : ForkFlag)));
        w.UInt64(Generation ?? Fork ?? 0);
        w.Bytes(Signer.Span, Digest.Size);
        w.End();
    }
}
