using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>
/// BEAT: a side is alive. A host adds its leave meter; a pod whether it is unlocked and, from version 2 of the link on, its room; the other fields are as the
/// sender left them.
/// </summary>
/// <param name="From">Who beats.</param>
/// <param name="Count">1 for the first beat of a side, then one more each time.</param>
/// <param name="TimeMs">The sender's clock, ms since 1970: for the log, never for a decision.</param>
/// <param name="UnsealedBytes">A host's bytes that would be lost if it were cut off now (leave meter); 0 of a pod.</param>
/// <param name="IsUnlocked">Whether the pod holds the vault's keys; false of a host.</param>
/// <param name="Space">The pod's room; null of a host, and on a link of version 1.</param>
public readonly record struct Beat(WireRole From, uint Count, ulong TimeMs, ulong UnsealedBytes, bool IsUnlocked, PodSpace? Space = null)
{
    // The first version in which a pod's beat has its room.
    private const int VersionOfSpace = 2;

    /// <summary>Bytes of a body.</summary>
    public int BodyBytes => From == WireRole.Host ? 4 + 8 + 8 : 4 + 8 + 1 + (Space is null ? 0 : 1 + 8);

    /// <summary>Whether a side's beats on a link of this version have a pod's room.</summary>
    public static bool HasSpace(WireRole from, int version) => from == WireRole.Pod && version >= VersionOfSpace;

    /// <summary>Reads a body of a side. False unless it is canonical.</summary>
    /// <param name="body">The body.</param>
    /// <param name="from">Who sent it.</param>
    /// <param name="version">The link's version.</param>
    /// <param name="message">The beat.</param>
    public static bool TryRead(ReadOnlySpan<byte> body, WireRole from, int version, out Beat message)
    {
        var r = new ByteReader(body);
        message = new(from, r.UInt32(), r.UInt64(), from == WireRole.Host ? r.UInt64() : 0, from == WireRole.Pod && r.Flag());
        if (HasSpace(from, version))
        {
            var room = (PodRoom)r.Byte();
            r.Require(room <= PodRoom.KeptOnly);
            message = message with { Space = new PodSpace(room, r.UInt64()) };
        }
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
        if (Space is { } space)
        {
            w.Byte((byte)space.Room);
            w.UInt64(space.FreeBytes);
        }
        w.End();
    }
}
