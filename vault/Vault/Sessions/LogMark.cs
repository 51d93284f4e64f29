using System.Buffers.Binary;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;

namespace VmPod.Vault.Sessions;

/// <summary>Where an entry that is looked for by name stands in the log: a SESSION, an EPOCH by its number, a LEASE by its id, the COMMIT of a
/// generation by its number, the FORK of a lease by that lease's id, the VERDICTs on and the FORGET of a
/// commit by where that stands.</summary>
/// <param name="Type">The entry's type.</param>
/// <param name="Session">The session.</param>
/// <param name="Number">The epoch's number, the lease's id or the generation's number; 0 for a SESSION.</param>
/// <param name="Offset">Where it stands, perhaps: whoever reads the entry there decides.</param>
internal readonly record struct LogMark(byte Type, SessionHandle Session, ulong Number, long Offset)
{
    /// <summary>Bytes of a mark in the index file.</summary>
    public const int Size = 8 + SessionHandle.Size + 8 + 8;

    // Of a commit's record (V-32): session, lease, kind, generation.
    private const int CommitSession = 20, CommitLease = 36, CommitKind = 60, CommitGeneration = 61;

    /// <summary>The mark of an entry. Null for one that is not looked for by name (a draft is no generation).</summary>
    public static LogMark? Of(LogFrame frame)
    {
        ReadOnlySpan<byte> p = frame.Prefix.Span;
        return frame.Header.Type switch
        {
            LogEntryTypes.Session when p.Length >= SessionHandle.Size =>
                new(LogEntryTypes.Session, SessionHandle.ReadFrom(p), 0, frame.Header.Offset),
            LogEntryTypes.Epoch when p.Length >= SessionHandle.Size + 4 =>
                new(LogEntryTypes.Epoch, SessionHandle.ReadFrom(p), BinaryPrimitives.ReadUInt32BigEndian(p[SessionHandle.Size..]), frame.Header.Offset),
            LogEntryTypes.Lease when p.Length >= SessionHandle.Size + 8 =>
                new(LogEntryTypes.Lease, SessionHandle.ReadFrom(p), BinaryPrimitives.ReadUInt64BigEndian(p[SessionHandle.Size..]), frame.Header.Offset),
            LogEntryTypes.Commit or LogEntryTypes.PendingCommit when p.Length >= CommitGeneration + 8 && p[CommitKind] != (byte)GenerationKind.Draft =>
                new(frame.Header.Type, SessionHandle.ReadFrom(p[CommitSession..]), BinaryPrimitives.ReadUInt64BigEndian(p[CommitGeneration..]),
                    frame.Header.Offset),
            LogEntryTypes.Fork or LogEntryTypes.PendingFork when p.Length >= CommitLease + 8 =>
                new(frame.Header.Type, SessionHandle.ReadFrom(p[CommitSession..]), BinaryPrimitives.ReadUInt64BigEndian(p[CommitLease..]),
                    frame.Header.Offset),
            LogEntryTypes.Verdict or LogEntryTypes.Forget when p.Length >= SessionHandle.Size + 8 =>
                new(frame.Header.Type, SessionHandle.ReadFrom(p), BinaryPrimitives.ReadUInt64BigEndian(p[SessionHandle.Size..]), frame.Header.Offset),
            _ => null,
        };
    }

    /// <summary>Writes the mark.</summary>
    public void WriteTo(Span<byte> into)
    {
        BinaryPrimitives.WriteUInt64BigEndian(into, Type);
        Session.WriteTo(into[8..]);
        BinaryPrimitives.WriteUInt64BigEndian(into[24..], Number);
        BinaryPrimitives.WriteInt64BigEndian(into[32..], Offset);
    }

    /// <summary>Reads a mark. Whatever the bytes are, it is one.</summary>
    public static LogMark ReadFrom(ReadOnlySpan<byte> from) => new(from[7], SessionHandle.ReadFrom(from[8..]),
        BinaryPrimitives.ReadUInt64BigEndian(from[24..]), BinaryPrimitives.ReadInt64BigEndian(from[32..]));
}
