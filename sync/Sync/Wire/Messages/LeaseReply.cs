using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>LEASE: an open lease. Its key is no part of this object: it stays in the frame, and is lent as a span.</summary>
public sealed record LeaseReply
{
    private const int KeyOffset = SessionHandle.Size + 4 * 8;

    /// <summary>The session.</summary>
    public required SessionHandle Session { get; init; }

    /// <summary>The lease.</summary>
    public required ulong LeaseId { get; init; }

    /// <summary>Its term.</summary>
    public required ulong Term { get; init; }

    /// <summary>Where the session's entry begins in the log.</summary>
    public required ulong SessionOffset { get; init; }

    /// <summary>Where the lease's entry begins in the log.</summary>
    public required ulong LeaseOffset { get; init; }

    /// <summary>The session's last generation; 0 if it has none.</summary>
    public required ulong LastGeneration { get; init; }

    /// <summary>The session's last commit number; 0 if it has none.</summary>
    public required ulong LastNumber { get; init; }

    /// <summary>Milliseconds from now until the lease expires.</summary>
    public required uint ExpiresInMs { get; init; }

    /// <summary>The commit that it begins from; null for a new session.</summary>
    public required LeaseBase? Base { get; init; }

    /// <summary>Bytes of the body.</summary>
    public int BodyBytes => WireRule.LeaseFixed + (Base?.Bytes ?? 0);

    /// <summary>Reads a body, but for the key. False unless it is canonical and within the limits.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out LeaseReply? message)
    {
        var r = new ByteReader(body);
        SessionHandle session = r.Handle();
        ulong lease = r.UInt64(), term = r.UInt64(), sessionOffset = r.UInt64(), leaseOffset = r.UInt64();
        _ = r.Bytes(WireRule.KeyBytes);
        ulong generation = r.UInt64(), number = r.UInt64();
        uint expires = r.UInt32();
        LeaseBase? from = r.Flag() ? LeaseBase.Read(ref r) : null;
        message = r.IsAtEnd
            ? new()
            {
                Session = session,
                LeaseId = lease,
                Term = term,
                SessionOffset = sessionOffset,
                LeaseOffset = leaseOffset,
                LastGeneration = generation,
                LastNumber = number,
                ExpiresInMs = expires,
                Base = from,
            }
            : null;
        return message is not null;
    }

    /// <summary>The lease's key, 32 bytes, in a body that <see cref="TryRead"/> took.</summary>
    public static ReadOnlySpan<byte> KeyIn(ReadOnlySpan<byte> body) => body.Slice(KeyOffset, WireRule.KeyBytes);

    /// <summary>Writes the body, key and all, into exactly <see cref="BodyBytes"/> bytes.</summary>
    public void WriteTo(Span<byte> body, ReadOnlySpan<byte> leaseKey)
    {
        var w = new SpanWriter(body);
        w.Handle(Session);
        w.UInt64(LeaseId);
        w.UInt64(Term);
        w.UInt64(SessionOffset);
        w.UInt64(LeaseOffset);
        w.Bytes(leaseKey, WireRule.KeyBytes);
        w.UInt64(LastGeneration);
        w.UInt64(LastNumber);
        w.UInt32(ExpiresInMs);
        w.Flag(Base is not null);
        Base?.Write(ref w);
        w.End();
    }
}
