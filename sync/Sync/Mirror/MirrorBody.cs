using VmPod.Foundation;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Sync.Mirror;

/// <summary>The bodies of frames: one way to write each, and one to read it (S-162 to S-172).</summary>
internal static class MirrorBody
{
    /// <summary>Set in BEGIN: the copy is to be written to. The other bits are those of <see cref="MirrorWishes"/>.</summary>
    internal const byte Writes = 1;

    /// <summary>All bits of BEGIN that mean something.</summary>
    internal const byte BeginFlags = Writes | (byte)(MirrorWishes.Dry | MirrorWishes.Check);

    /// <summary>The side that asks; the side that answers.</summary>
    internal const byte Asks = 1, Answers = 2;

    internal static byte[] Hello(byte role) => [.. "VPMR"u8, .. Numbers(w => w.UInt16(MirrorLimits.VersionMin).UInt16(MirrorLimits.VersionMax)), role];

    /// <exception cref="VmPodException">It is no HELLO, or of the same role (5), of other versions (4).</exception>
    internal static void CheckHello(ReadOnlySpan<byte> body, byte role)
    {
        var r = new ByteReader(body);
        bool isOurs = r.Bytes(4).SequenceEqual("VPMR"u8);
        ushort min = r.UInt16(), max = r.UInt16();
        byte other = r.Byte();
        if (!isOurs || !r.IsAtEnd || min > max)
            throw MirrorFrames.Broken("its greeting is none");
        if (min > MirrorLimits.VersionMax || max < MirrorLimits.VersionMin)
        {
            throw new VmPodException(ExitCode.Refused,
                $"The other side speaks version {max} of the mirror protocol; this one speaks {MirrorLimits.VersionMax}.",
                $"Use a newer VmPod on {(max < MirrorLimits.VersionMin ? "the other" : "this")} side.");
        }
        if (other != role)
            throw MirrorFrames.Broken("both sides ask, or both answer");
    }

    internal static byte[] State(MirrorState state) => Numbers(w => w.UInt16((ushort)state.Descriptor.Length).Bytes(state.Descriptor.Span)
        .UInt64((ulong)state.LogBytes).UInt64((ulong)state.AuditBytes).UInt32((uint)state.Head.Length).Bytes(state.Head.Span));

    /// <summary>Reads a state. Head and descriptor are looked at here: who uses it may parse them again.</summary>
    internal static MirrorState ReadState(ReadOnlySpan<byte> body)
    {
        var r = new ByteReader(body);
        byte[] descriptor = [.. r.Bytes(r.UInt16())];
        long log = r.Length(), audit = r.Length();
        uint headBytes = r.UInt32();
        r.Require(headBytes <= StoreLimits.HeadBytesMax && descriptor.Length <= StoreLimits.DescriptorBytesMax);
        byte[] head = r.Failed ? [] : [.. r.Bytes((int)headBytes)];
        r.Require((head.Length == 0) == (log == 0) && (head.Length == 0 || descriptor.Length > 0));
        if (!r.IsAtEnd)
            throw MirrorFrames.Broken("a state that is none");
        if (descriptor.Length > 0)
            _ = VaultDescriptor.Parse(descriptor);
        if (head.Length > 0 && HeadRecord.Parse(head).LogBytes != log - StoreLimits.EntryHeaderBytes - head.Length)
            throw MirrorFrames.Broken("a head that is not at the end of its log");
        return new MirrorState(descriptor, head, log, audit);
    }

    /// <summary>Ids that strictly ascend, from above <paramref name="after"/> on.</summary>
    internal static CellId[] ReadAscending(ReadOnlySpan<byte> body, CellId? after)
    {
        if (body.Length % CellId.Size != 0)
            throw MirrorFrames.Broken("a list of ids that is cut");
        var ids = new CellId[body.Length / CellId.Size];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = CellId.ReadFrom(body[(i * CellId.Size)..]);
            if ((i > 0 ? ids[i - 1] : after) is { } before && before >= ids[i])
                throw MirrorFrames.Broken("it lists ids out of order");
        }
        return ids;
    }

    internal static byte[] Ids(ReadOnlySpan<CellId> ids)
    {
        var bytes = new byte[ids.Length * CellId.Size];
        for (int i = 0; i < ids.Length; i++)
            ids[i].WriteTo(bytes.AsSpan(i * CellId.Size));
        return bytes;
    }

    internal static byte[] Number(long value) => Numbers(w => w.UInt64((ulong)value));

    internal static long ReadNumber(ReadOnlySpan<byte> body)
    {
        var r = new ByteReader(body);
        long value = r.Length();
        return r.IsAtEnd ? value : throw MirrorFrames.Broken("a number that is none");
    }

    internal static byte[] Piece(long offset, int count) => Numbers(w => w.UInt64((ulong)offset).UInt32((uint)count));

    internal static (long Offset, int Count) ReadPiece(ReadOnlySpan<byte> body)
    {
        var r = new ByteReader(body);
        long offset = r.Length();
        uint count = r.UInt32();
        r.Require(count is > 0 and <= MirrorLimits.PieceBytes);
        return r.IsAtEnd ? (offset, (int)count) : throw MirrorFrames.Broken("a piece that is none");
    }

    internal static byte[] Error(VmPodException e)
    {
        byte[] Text(string? text) => System.Text.Encoding.UTF8.GetBytes(WireText.Clean(text ?? "", MirrorLimits.TextBytesMax));
        byte[] message = Text(e.Message), hint = Text(e.Hint);
        return Numbers(w => w.Byte((byte)e.ExitCode).UInt16((ushort)message.Length).Bytes(message).UInt16((ushort)hint.Length).Bytes(hint));
    }

    internal static VmPodException ReadError(ReadOnlySpan<byte> body)
    {
        var r = new ByteReader(body);
        byte code = r.Byte();
        ReadOnlySpan<byte> message = r.Bytes(r.UInt16()), hint = r.Bytes(r.UInt16());
        r.Require(code is >= (byte)ExitCode.Usage and <= (byte)ExitCode.Missing);
        return r.IsAtEnd ? new VmPodException((ExitCode)code, $"The other side says: {WireText.Clean(message)}", hint.IsEmpty ? null : WireText.Clean(hint))
            : throw MirrorFrames.Broken("an error that is none");
    }

    internal static MirrorVerdict ReadVerdict(ReadOnlySpan<byte> body) => body.Length == 1 && body[0] <= (byte)MirrorVerdict.Forked
        ? (MirrorVerdict)body[0] : throw MirrorFrames.Broken("a verdict that is none");

    private static byte[] Numbers(Action<ByteWriter> write)
    {
        var writer = new ByteWriter();
        write(writer);
        return writer.Written.ToArray();
    }
}
