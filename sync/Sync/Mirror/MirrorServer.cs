using VmPod.Foundation;
using VmPod.Sync.Difference;
using VmPod.Vault.Format;

namespace VmPod.Sync.Mirror;

/// <summary>The side of a mirror link that answers (S-160 to S-176): a copy that is read, or a mirror that is written. One peer, one thread.</summary>
/// <param name="input">What the peer says.</param>
/// <param name="output">What it is told.</param>
/// <param name="read">Opens the copy for reading.</param>
/// <param name="write">Opens the mirror for writing; null if nobody may write here.</param>
public sealed class MirrorServer(Stream input, Stream output, Func<IMirrorReader> read, Func<IMirrorWriter>? write) : IDisposable
{
    private readonly MirrorFrames frames = new(input, output);
    private readonly byte[] piece = new byte[MirrorLimits.PieceBytes];
    private IMirrorReader? reader;
    private IMirrorWriter? writer;
    private CellId[]? ids;
    private DifferenceAnswerer? answerer;
    private long puts;

    /// <summary>Answers until the peer is done.</summary>
    /// <returns>Done, or what the peer was told as an error.</returns>
    /// <exception cref="VmPodException">It broke a rule (5), or the link is gone (7).</exception>
    public ExitCode Run()
    {
        frames.Write(MirrorType.Hello, MirrorBody.Hello(MirrorBody.Answers));
        frames.Send();
        ReadOnlySpan<byte> greeting = frames.Read(t => t == MirrorType.Hello ? MirrorLimits.HelloBytes : -1, out MirrorType? hello);
        if (hello is null)
            return ExitCode.Done;
        MirrorBody.CheckHello(greeting, MirrorBody.Asks);
        while (true)
        {
            ReadOnlySpan<byte> body = frames.Read(MaxOf, out MirrorType? type);
            if (type is null or MirrorType.Bye)
                break;
            try
            {
                Answer(type.Value, body);
            }
            // What the vault says is told to the peer; a peer that broke a rule is told nothing.
            catch (VmPodException e) when (e is not MirrorBrokenException && e.ExitCode != ExitCode.LinkLost)
            {
                frames.Write(MirrorType.Error, MirrorBody.Error(e));
                frames.Send();
                return e.ExitCode;
            }
        }
        return ExitCode.Done;
    }

    /// <summary>Gives the copy back.</summary>
    public void Dispose()
    {
        reader?.Dispose();
        writer?.Dispose();
    }

    // S-162: what may come now, and how long it may be.
    private int MaxOf(MirrorType type) => type switch
    {
        MirrorType.Bye => 0,
        MirrorType.Begin when reader is null && writer is null => 1 + Vault.Format.Store.StoreLimits.DescriptorBytesMax,
        _ when reader is null && writer is null => -1,
        MirrorType.Ids => CellId.Size,
        MirrorType.Get when reader is not null => MirrorLimits.GetCells * CellId.Size,
        MirrorType.GetLog or MirrorType.GetAudit when reader is not null => 12,
        MirrorType.GetCheckpoint when reader is not null => 0,
        MirrorType.Judge when reader is not null => MirrorLimits.BodyBytesMax,
        // The newest head is taken anew.
        MirrorType.Begin when reader is not null => 1,
        MirrorType.Question when writer is not null => MirrorLimits.BlobBytesMax,
        MirrorType.Put when writer is not null => MirrorLimits.PutBytes + frames.CellBytes,
        MirrorType.PutLog or MirrorType.PutAudit when writer is not null => 8 + MirrorLimits.PieceBytes,
        MirrorType.Flush or MirrorType.TakeHead when writer is not null => 8,
        MirrorType.TakeAudit when writer is not null => MirrorLimits.CheckpointBytesMax,
        MirrorType.Alarm when writer is not null => 1,
        MirrorType.Free when writer is not null => 0,
        _ => -1,
    };

    private void Answer(MirrorType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case MirrorType.Begin:
                Begin(body);
                return;
            case MirrorType.Ids:
                ListIds(body);
                return;
            case MirrorType.Put:
                if (body.Length != MirrorLimits.PutBytes + frames.CellBytes)
                    throw MirrorFrames.Broken("a cell of another size");
                puts++;
                writer!.Put(CellId.ReadFrom(body), body[MirrorLimits.PutBytes..]);
                return;
            case MirrorType.PutLog or MirrorType.PutAudit:
                TakePiece(type, body);
                return;
            default:
                if (reader is not null)
                    AnswerReader(type, body);
                else
                    AnswerWriter(type, body);
                frames.Send();
                return;
        }
    }

    private void Begin(ReadOnlySpan<byte> body)
    {
        var r = new ByteReader(body);
        byte flags = r.Byte();
        ReadOnlyMemory<byte> descriptor = r.Bytes(r.Remaining).ToArray();
        bool writes = (flags & MirrorBody.Writes) != 0;
        if (r.Failed || (flags & ~MirrorBody.BeginFlags) != 0 || writes == descriptor.IsEmpty || (flags != 0 && !writes) || (writes && reader is not null))
            throw MirrorFrames.Broken("a begin that is none");
        ids = null;
        answerer = null;
        MirrorState state;
        if (writes)
        {
            if (write is null)
                throw new VmPodException(ExitCode.Refused, "This copy is only read here.", "Name another place for the mirror.");
            // Read before anything is opened: it names the size of each cell that follows.
            frames.CellBytes = Vault.Format.Store.VaultDescriptor.Parse(descriptor.Span).CellBytes;
            writer = write();
            state = writer.Begin(descriptor, (MirrorWishes)(flags & ~MirrorBody.Writes));
        }
        else
        {
            reader ??= read();
            state = reader.Begin();
            frames.CellBytes = state.CellBytes;
        }
        frames.Write(MirrorType.State, MirrorBody.State(state));
        frames.Send();
    }

    private CellId[] AllIds() => ids ??= reader?.Ids() ?? writer!.Known();

    // A page of ids: from the first, or behind one.
    private void ListIds(ReadOnlySpan<byte> body)
    {
        if (body.Length is not (0 or CellId.Size))
            throw MirrorFrames.Broken("an id that is none");
        CellId[] all = AllIds();
        int from = 0;
        if (body.Length > 0)
        {
            int at = Array.BinarySearch(all, CellId.ReadFrom(body));
            from = at >= 0 ? at + 1 : ~at;
        }
        frames.Write(MirrorType.IdList, MirrorBody.Ids(all.AsSpan(from, Math.Min(MirrorLimits.PageIds, all.Length - from))));
        frames.Send();
    }

    private void TakePiece(MirrorType type, ReadOnlySpan<byte> body)
    {
        var r = new ByteReader(body);
        long offset = r.Length();
        if (r.Failed || r.Remaining == 0)
            throw MirrorFrames.Broken("a piece that is none");
        if (type == MirrorType.PutLog)
            writer!.PutLog(offset, r.Bytes(r.Remaining));
        else
            writer!.PutAudit(offset, r.Bytes(r.Remaining));
    }

    private void AnswerReader(MirrorType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case MirrorType.Get:
                if (body.IsEmpty || body.Length % CellId.Size != 0)
                    throw MirrorFrames.Broken("ids that are none");
                var wanted = new CellId[body.Length / CellId.Size];
                for (int i = 0; i < wanted.Length; i++)
                    wanted[i] = CellId.ReadFrom(body[(i * CellId.Size)..]);
                reader!.ReadCells(wanted, (_, cell) => frames.Write(MirrorType.Cell, cell));
                return;
            case MirrorType.GetLog or MirrorType.GetAudit:
                (long offset, int count) = MirrorBody.ReadPiece(body);
                int length = type == MirrorType.GetLog ? reader!.ReadLog(offset, piece.AsSpan(0, count)) : reader!.ReadAudit(offset, piece.AsSpan(0, count));
                frames.Write(MirrorType.Bytes, piece.AsSpan(0, length));
                return;
            case MirrorType.GetCheckpoint:
                frames.Write(MirrorType.Bytes, reader!.ReadCheckpoint());
                return;
            default:
                frames.Write(MirrorType.Verdict, [(byte)reader!.Judge(MirrorBody.ReadState(body))]);
                return;
        }
    }

    private void AnswerWriter(MirrorType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case MirrorType.Question:
                answerer ??= new DifferenceAnswerer(new IdArray(AllIds()));
                frames.Write(MirrorType.Answer, answerer.Answer(body).Span);
                return;
            case MirrorType.Flush:
                if (MirrorBody.ReadNumber(body) != puts)
                    throw MirrorFrames.Broken("it counts its cells wrongly");
                writer!.Flush();
                frames.Write(MirrorType.Flushed, MirrorBody.Number(puts));
                return;
            case MirrorType.TakeHead:
                frames.Write(MirrorType.State, MirrorBody.State(writer!.TakeHead(MirrorBody.ReadNumber(body))));
                return;
            case MirrorType.TakeAudit:
                writer!.TakeAudit(body.ToArray());
                frames.Write(MirrorType.Done);
                return;
            case MirrorType.Alarm:
                MirrorVerdict verdict = MirrorBody.ReadVerdict(body);
                if (verdict is not (MirrorVerdict.Older or MirrorVerdict.Forked))
                    throw MirrorFrames.Broken("an alarm that is none");
                writer!.Alarm(verdict);
                frames.Write(MirrorType.Done);
                return;
            default:
                frames.Write(MirrorType.Freed, MirrorBody.Number(writer!.Free()));
                return;
        }
    }
}
