using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>BEAT: a side is alive. A host adds its leave meter, a pod whether it is unlocked; the other field is as the sender left it.</summary>
/// <param name="From">Who beats.</param>
/// <param name="Count">1 for the first beat of a side, then one more each time.</param>
/// <param name="TimeMs">The sender's clock, ms since 1970: for the log, never for a decision.</param>
/// <param name="UnsealedBytes">A host's bytes that would be lost if it were cut off now (leave meter); 0 of a pod.</param>
/// <param name="IsUnlocked">Whether the pod holds the vault's keys; false of a host.</param>
public readonly record struct Beat(WireRole From, uint Count, ulong TimeMs, ulong UnsealedBytes, bool IsUnlocked)
{
    /// <summary>Bytes of a body.</summary>
    public int BodyBytes => From == WireRole.Host ? 4 + 8 + 8 : 4 + 8 + 1;

    /// <summary>Reads a body of a side. False unless it is canonical.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, WireRole from, out Beat message)
    {
        var r = new ByteReader(body);
        message = new(from, r.UInt32(), r.UInt64(), from == WireRole.Host ? r.UInt64() : 0, from == WireRole.Pod && r.Flag());
        return r.IsAtEnd;
    }

    /// <summary>Writes the body into exactly <see cref="BodyBytes"/> bytes.</summary>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.UInt32(Count);
        w.UInt64(TimeMs);
        if (From == WireRole.Host)
            w.UInt64(UnsealedBytes);
        else
            w.Flag(IsUnlocked);
        w.End();
    }
}
