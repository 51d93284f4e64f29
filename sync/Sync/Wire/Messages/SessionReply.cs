using System.Diagnostics.CodeAnalysis;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>SESSION: what the pod says of one session.</summary>
public sealed record SessionReply : IWireReply<SessionReply>
{
    /// <summary>Its handle.</summary>
    public required SessionHandle Handle { get; init; }

    /// <summary>Whether a lease is open on it.</summary>
    public required bool IsLeaseOpen { get; init; }

    /// <summary>Commits so far.</summary>
    public required ulong CommitCount { get; init; }

    /// <summary>The newest commit, draft or not; null exactly if there is none.</summary>
    public required CommitRecord? Tip { get; init; }

    /// <summary>The newest, newest first: commit numbers descend. At most <see cref="WireLimits.GenerationsMax"/>.</summary>
    public required IReadOnlyList<GenerationLine> Generations { get; init; }

    /// <inheritdoc/>
    public static WireType ReplyType => WireType.Session;

    private byte[] TipBytes => field ??= Tip?.ToSignedBytes() ?? [];

    /// <inheritdoc/>
    public WireType Type => WireType.Session;

    /// <inheritdoc/>
    public int BodyBytes => SessionHandle.Size + 1 + 8 + 2 + TipBytes.Length + 4 + Generations.Count * GenerationLine.Size;

    /// <inheritdoc cref="IWireReply{TSelf}.TryRead"/>
    public static bool TryRead(ReadOnlySpan<byte> body, [NotNullWhen(true)] out SessionReply? message)
    {
        var r = new ByteReader(body);
        SessionHandle handle = r.Handle();
        bool isOpen = r.Flag();
        ulong commits = r.UInt64();
        CommitRecord? tip = r.Record();
        uint count = r.UInt32();
        r.Require(tip is null == (commits == 0) && count <= WireLimits.GenerationsMax && count <= commits && r.Remaining == count * GenerationLine.Size);
        var lines = new GenerationLine[r.Failed ? 0 : (int)count];
        for (int i = 0; i < lines.Length; i++)
        {
            lines[i] = new(r.UInt64(), r.UInt64(), (GenerationKind)r.Byte(), r.UInt64());
            r.Require((byte)lines[i].Kind is >= 1 and <= 3 && (i == 0 || lines[i].Number < lines[i - 1].Number));
        }
        message = r.IsAtEnd ? new() { Handle = handle, IsLeaseOpen = isOpen, CommitCount = commits, Tip = tip, Generations = lines } : null;
        return message is not null;
    }

    /// <inheritdoc/>
    public void WriteTo(Span<byte> body)
    {
        var w = new SpanWriter(body);
        w.Handle(Handle);
        w.Flag(IsLeaseOpen);
        w.UInt64(CommitCount);
        w.Counted(TipBytes);
        w.UInt32((uint)Generations.Count);
        foreach (GenerationLine line in Generations)
        {
            w.UInt64(line.Generation);
            w.UInt64(line.Number);
            w.Byte((byte)line.Kind);
            w.UInt64(line.TimeMs);
        }
        w.End();
    }
}
