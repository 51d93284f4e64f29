using VmPod.Foundation;
using VmPod.Sync.Difference;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;

namespace VmPod.Sync.Mirror;

/// <summary>The side of a mirror link that asks: a copy elsewhere, as one that is read or one that is written. One thread.</summary>
/// <param name="input">What the other side says.</param>
/// <param name="output">What it is asked.</param>
/// <param name="link">Ended with the client; null for none.</param>
public sealed class MirrorClient(Stream input, Stream output, IDisposable? link) : IMirrorReader, IMirrorWriter
{
    private readonly MirrorFrames frames = new(input, output);
    private bool isGreeted;
    private long puts;

    /// <summary>Whether something came that was not asked for; looked at before each frame that is not answered. For a stream of which nothing can be read
    /// any more once a write to it failed (TLS); null where what came can be read then too.</summary>
    public Func<bool>? HasWord { get; init; }

    /// <inheritdoc cref="IMirrorReader.Begin"/>
    public MirrorState Begin() => BeginWith(default, 0);

    /// <inheritdoc/>
    public MirrorState Begin(ReadOnlyMemory<byte> descriptor, MirrorWishes wishes) => BeginWith(descriptor, (byte)(MirrorBody.Writes | (byte)wishes));

    /// <inheritdoc/>
    public CellId[] Ids() => Known();

    /// <summary>All ids of the other side, in pages (S-05).</summary>
    public CellId[] Known()
    {
        var all = new List<CellId>();
        while (true)
        {
            frames.Write(MirrorType.Ids, all.Count > 0 ? MirrorBody.Ids([all[^1]]) : []);
            CellId[] page = MirrorBody.ReadAscending(Expect(MirrorType.IdList, MirrorLimits.PageIds * CellId.Size), all.Count > 0 ? all[^1] : null);
            all.AddRange(page);
            if (page.Length < MirrorLimits.PageIds)
                return [.. all];
            if (all.Count > SyncLimits.ListedIdsMax)
                throw MirrorFrames.Broken("it lists more cells than a vault can have");
        }
    }

    /// <inheritdoc/>
    public CellId[] Lacks(CellId[] ids)
    {
        var asker = new DifferenceAsker(new IdArray(ids));
        while (!asker.IsDone)
        {
            // Those of one depth go together: a link's delay is paid once a depth, not once a question.
            int onTheWay = 0;
            for (; onTheWay < MirrorLimits.QuestionsMax && asker.TryNextQuestion(out ReadOnlyMemory<byte> question); onTheWay++)
                frames.Write(MirrorType.Question, question.Span);
            for (; onTheWay > 0; onTheWay--)
                asker.Take(Expect(MirrorType.Answer, MirrorLimits.BlobBytesMax));
        }
        return [.. asker.OnlyHere.Order()];
    }

    /// <inheritdoc/>
    public void ReadCells(ReadOnlySpan<CellId> ids, MirrorCell take)
    {
        frames.Write(MirrorType.Get, MirrorBody.Ids(ids));
        foreach (CellId id in ids)
        {
            ReadOnlySpan<byte> cell = Expect(MirrorType.Cell, frames.CellBytes);
            if (cell.Length > 0 && (cell.Length != frames.CellBytes || CellId.Of(cell) != id))
                throw MirrorFrames.Broken("a cell that is not the one that was asked for");
            take(id, cell);
        }
    }

    /// <inheritdoc/>
    public int ReadLog(long offset, Span<byte> into) => ReadPiece(MirrorType.GetLog, offset, into);

    /// <inheritdoc/>
    public int ReadAudit(long offset, Span<byte> into) => ReadPiece(MirrorType.GetAudit, offset, into);

    /// <inheritdoc/>
    public byte[] ReadCheckpoint()
    {
        frames.Write(MirrorType.GetCheckpoint);
        return Expect(MirrorType.Bytes, MirrorLimits.CheckpointBytesMax).ToArray();
    }

    /// <inheritdoc/>
    public MirrorVerdict Judge(MirrorState mirror)
    {
        frames.Write(MirrorType.Judge, MirrorBody.State(mirror));
        return MirrorBody.ReadVerdict(Expect(MirrorType.Verdict, 1));
    }

    /// <inheritdoc/>
    public void Put(in CellId id, ReadOnlySpan<byte> cell)
    {
        Span<byte> name = stackalloc byte[CellId.Size];
        id.WriteTo(name);
        puts++;
        Write(MirrorType.Put, name, cell);
    }

    /// <inheritdoc/>
    public void Flush()
    {
        frames.Write(MirrorType.Flush, MirrorBody.Number(puts));
        if (MirrorBody.ReadNumber(Expect(MirrorType.Flushed, 8)) != puts)
            throw MirrorFrames.Broken("it counts the cells wrongly");
    }

    /// <inheritdoc/>
    public void PutLog(long offset, ReadOnlySpan<byte> bytes) => Write(MirrorType.PutLog, MirrorBody.Number(offset), bytes);

    /// <inheritdoc/>
    public void PutAudit(long offset, ReadOnlySpan<byte> bytes) => Write(MirrorType.PutAudit, MirrorBody.Number(offset), bytes);

    /// <inheritdoc/>
    public MirrorState TakeHead(long logBytes)
    {
        frames.Write(MirrorType.TakeHead, MirrorBody.Number(logBytes));
        return MirrorBody.ReadState(Expect(MirrorType.State, MirrorLimits.BodyBytesMax));
    }

    /// <inheritdoc/>
    public void TakeAudit(ReadOnlyMemory<byte> checkpoint)
    {
        frames.Write(MirrorType.TakeAudit, checkpoint.Span);
        _ = Expect(MirrorType.Done, 0);
    }

    /// <inheritdoc/>
    public void Alarm(MirrorVerdict verdict)
    {
        frames.Write(MirrorType.Alarm, [(byte)verdict]);
        _ = Expect(MirrorType.Done, 0);
    }

    /// <inheritdoc/>
    public long Free()
    {
        frames.Write(MirrorType.Free);
        return MirrorBody.ReadNumber(Expect(MirrorType.Freed, 8));
    }

    /// <summary>Says goodbye and ends the link.</summary>
    public void Dispose()
    {
        try
        {
            if (isGreeted)
            {
                frames.Write(MirrorType.Bye);
                frames.Send();
            }
        }
        catch (VmPodException)
        {
            // It is gone already.
        }
        link?.Dispose();
    }

    private MirrorState BeginWith(ReadOnlyMemory<byte> descriptor, byte flags)
    {
        if (!isGreeted)
        {
            frames.Write(MirrorType.Hello, MirrorBody.Hello(MirrorBody.Asks));
            MirrorBody.CheckHello(Expect(MirrorType.Hello, MirrorLimits.HelloBytes), MirrorBody.Answers);
            isGreeted = true;
        }
        frames.Write(MirrorType.Begin, [flags], descriptor.Span);
        MirrorState state = MirrorBody.ReadState(Expect(MirrorType.State, MirrorLimits.BodyBytesMax));
        if (flags == 0 ? !state.HasHead : !state.Descriptor.IsEmpty && !state.Descriptor.Span.SequenceEqual(descriptor.Span))
            throw MirrorFrames.Broken("a state of another vault");
        frames.CellBytes = flags == 0 ? state.CellBytes : VaultDescriptor.Parse(descriptor.Span).CellBytes;
        return state;
    }

    private int ReadPiece(MirrorType type, long offset, Span<byte> into)
    {
        int count = Math.Min(into.Length, MirrorLimits.PieceBytes);
        frames.Write(type, MirrorBody.Piece(offset, count));
        ReadOnlySpan<byte> bytes = Expect(MirrorType.Bytes, count);
        bytes.CopyTo(into);
        return bytes.Length;
    }

    // Where the other side went away it may have said why.
    private void Write(MirrorType type, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (HasWord?.Invoke() == true && LastWord() is { } said)
            throw said;
        try
        {
            frames.Write(type, first, second);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            throw LastWord() ?? e;
        }
    }

    private VmPodException? LastWord()
    {
        try
        {
            ReadOnlySpan<byte> body = frames.Read(t => t == MirrorType.Error ? MirrorLimits.BodyBytesMax : -1, out MirrorType? type);
            return type is null ? null : MirrorBody.ReadError(body);
        }
        catch (VmPodException)
        {
            return null;
        }
    }

    private ReadOnlySpan<byte> Expect(MirrorType wanted, int max)
    {
        try
        {
            frames.Send();
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            throw LastWord() ?? e;
        }
        ReadOnlySpan<byte> body = frames.Read(t => t == wanted ? max : t == MirrorType.Error ? 2 * MirrorLimits.TextBytesMax + 5 : -1, out MirrorType? type);
        return type switch
        {
            null => throw MirrorFrames.Lost("the other side ended it"),
            MirrorType.Error => throw MirrorBody.ReadError(body),
            _ => body,
        };
    }
}
