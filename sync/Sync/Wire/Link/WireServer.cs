using VmPod.Foundation;
using VmPod.Vault.Format;

namespace VmPod.Sync.Wire;

/// <summary>The pod's side of a link: frames wait here for a bounded set of workers. Reads go to several at once, writes to one, in order.</summary>
internal sealed class WireServer(IWireHandler handler, FrameSender sender, FrameReceiver receiver, int cellBytes, Action<VmPodException> broken,
    Action<Exception>? bug, IdBudget sharedIds)
{
    private readonly Queue<(FrameHeader Header, FrameBlock Body)> reads = new(), later = new(), writes = new();
    private readonly HashSet<uint> requests = [];       // numbers in use
    private readonly object gate = new();
    private readonly List<Thread> workers = [];
    private readonly CommitIds ids = new(sharedIds);
    private VmPodException? putFault;       // of the writing worker alone, as ids and putCount
    private ulong putCount;
    private int waitingRequests, busyWithLater;
    private volatile bool isClosed;
    private bool takesRest, inputEnded, isWriting;

    internal void Start()
    {
        for (int i = 0; i < WireLimits.ReadWorkers; i++)
            workers.Add(new Thread(() => Work(isWriter: false)) { IsBackground = true, Name = "wire read" });
        workers.Add(new Thread(() => Work(isWriter: true)) { IsBackground = true, Name = "wire write" });
        foreach (Thread worker in workers)
            worker.Start();
    }

    /// <summary>Queues a frame of the host; waits if too many wait. The frame's memory is the server's from now on.</summary>
    internal void Take(FrameHeader header, FrameBlock body)
    {
        FrameKind kind = WireRule.Of(header.Type, cellBytes)!.Value.Kind;
        lock (gate)
        {
            if (kind != FrameKind.OneWay && (++waitingRequests > WireLimits.RequestsMax || !requests.Add(header.Request)))
            {
                body.Return();
                throw WireFault.Broken(waitingRequests > WireLimits.RequestsMax
                    ? $"more than {WireLimits.RequestsMax} requests wait" : $"a second request {header.Request} before the first was answered");
            }
            if (WaitingFrames >= WireLimits.WaitingFramesMax)
                WaitForRoom();
            (kind != FrameKind.Read ? writes : CellsRequest.IsReadAhead(header.Type, body.Span) ? later : reads).Enqueue((header, body));
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>No further frame is begun.</summary>
    /// <param name="takesRest">But cells that were put and came whole are still taken in, in order: all that come before <see cref="EndInput"/>.</param>
    internal void Close(bool takesRest)
    {
        lock (gate)
        {
            isClosed = true;
            this.takesRest = takesRest;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>Nothing more comes.</summary>
    internal void EndInput()
    {
        lock (gate)
        {
            inputEnded = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>True if no write waits or is under way, and none is coming: the link has ended, or is quiet.</summary>
    internal bool IsSettled(bool isQuiet)
    {
        lock (gate)
            return !isWriting && (isClosed ? !takesRest || (inputEnded && writes.Count == 0) : isQuiet && writes.Count == 0);
    }

    /// <summary>Waits until no worker uses the link's memory; a worker that closes its own link is not waited for.</summary>
    internal void Join()
    {
        foreach (Thread worker in workers.Where(w => w != Thread.CurrentThread))
            worker.Join();
        ids.Clear();
    }

    private int WaitingFrames => reads.Count + later.Count + writes.Count;

    private void WaitForRoom()
    {
        receiver.BeginPause();
        while (!isClosed && WaitingFrames >= WireLimits.WaitingFramesMax)
            _ = Monitor.Wait(gate);
        receiver.EndPause();
    }

    // What somebody waits for goes before read-ahead, which never takes all workers: its answers wait for the link, and they with them. Under the lock.
    private bool TryDequeue(bool isWriter, out (FrameHeader Header, FrameBlock Body) frame, out bool isLater)
    {
        isLater = false;
        if ((isWriter ? writes : reads).TryDequeue(out frame))
            return true;
        isLater = !isWriter && busyWithLater < WireLimits.ReadAheadWorkers && later.TryDequeue(out frame);
        busyWithLater += isLater ? 1 : 0;
        return isLater;
    }

    // What is left to do once the link has ended. Under the lock.
    private bool TryDequeueRest(bool isWriter, out (FrameHeader Header, FrameBlock Body) frame)
    {
        frame = default;
        while (isWriter && takesRest && writes.TryDequeue(out frame))
        {
            // Nobody hears an answer any more: the host asks again on its next link.
            if (frame.Header.Type == WireType.PutCell)
                return true;
            frame.Body.Return();
        }
        return false;
    }

    private void Work(bool isWriter)
    {
        while (true)
        {
            (FrameHeader Header, FrameBlock Body) frame;
            bool isLater = false;
            lock (gate)
            {
                while (isClosed ? !TryDequeueRest(isWriter, out frame) : !TryDequeue(isWriter, out frame, out isLater))
                {
                    if (isClosed && (inputEnded || !isWriter || !takesRest))
                        return;
                    _ = Monitor.Wait(gate);
                }
                isWriting |= isWriter;
                if (frame.Header.Request != 0)
                    waitingRequests--;
                Monitor.PulseAll(gate);
            }
            try
            {
                Answer(frame.Header, frame.Body.Span);
            }
            catch (VmPodException e)        // the link's own end, or the peer's fault
            {
                broken(e);
            }
            finally
            {
                frame.Body.Return();
                lock (gate)
                {
                    _ = requests.Remove(frame.Header.Request);
                    isWriting &= !isWriter;
                    if (isLater)
                    {
                        busyWithLater--;
                        Monitor.PulseAll(gate);
                    }
                }
            }
        }
    }

    /// <summary>Works one frame off. What the handler throws is answered; what this throws ends the link.</summary>
    internal void Answer(FrameHeader header, ReadOnlySpan<byte> body)
    {
        uint request = header.Request;
        switch (header.Type)
        {
            case WireType.Find:
                FindRequest find = FindRequest.TryRead(body, out FindRequest? f) ? f : throw Unreadable(header);
                Reply(request, () => handler.Find(find));
                break;
            case WireType.List:
                Reply(request, handler.List);
                break;
            case WireType.OpenLease:
                LeaseRequest open = LeaseRequest.TryRead(body, out LeaseRequest? o) ? o : throw Unreadable(header);
                Reply(request, () => OpenLease(request, open));
                break;
            case WireType.Attach:
                AttachRequest attach = AttachRequest.TryRead(body, out AttachRequest? a) ? a : throw Unreadable(header);
                Reply(request, () => handler.Attach(attach));
                break;
            case WireType.GetHomeKey:
                Reply(request, () => HomeKey(request));
                break;
            case WireType.GetLeaseKeys:
                LeaseKeysRequest leaseKeys = LeaseKeysRequest.TryRead(body, out LeaseKeysRequest? k) ? k : throw Unreadable(header);
                Reply(request, () => handler.LeaseKeys(leaseKeys));
                break;
            case WireType.GetForks:
                ForksRequest forks = ForksRequest.TryRead(body, out ForksRequest? fk) ? fk : throw Unreadable(header);
                Reply(request, () => handler.Forks(forks));
                break;
            case WireType.GetCells:
                CellsRequest get = CellsRequest.TryRead(body, out CellsRequest? g) ? g : throw Unreadable(header);
                Reply(request, () => GetCells(request, get));
                break;
            case WireType.Have:
                HaveRequest have = HaveRequest.TryRead(body, out HaveRequest? h) ? h : throw Unreadable(header);
                Reply(request, () => Have(have));
                break;
            case WireType.Renew:
                Reply(request, handler.Renew);
                break;
            case WireType.PutCell:
                Put(body);
                break;
            case WireType.Flush:
                FlushRequest flush = FlushRequest.TryRead(body, out FlushRequest? fl) && fl.Ordinal == putCount ? fl : throw Unreadable(header);
                Reply(request, () => Flush(flush.Ordinal));
                break;
            case WireType.Ids:
                if (!IdsMessage.TryRead(body, out IdsMessage? part) || !ids.TryAdd(part))
                    throw Unreadable(header);
                break;
            case WireType.Commit:
                CommitRequest commit = CommitRequest.TryRead(body, out CommitRequest? c) && (ids.IsTooMuch || ids.Match(c.Record))
                    ? c : throw Unreadable(header);
                Reply(request, () => Commit(commit));
                break;
            case WireType.Discard:
                ids.Clear();
                putFault = null;
                Reply(request, handler.Discard);
                break;
            case WireType.CloseLease:
                Reply(request, handler.CloseLease);
                break;
            case WireType.Log:
                LogRequest log = LogRequest.TryRead(body, out LogRequest? l) ? l : throw Unreadable(header);
                Reply(request, () => handler.Log(log));
                break;
            case WireType.Receipt:
                ReceiptRequest receipt = ReceiptRequest.TryRead(body, out ReceiptRequest? r) ? r : throw Unreadable(header);
                Reply(request, () => handler.Receipt(receipt));
                break;
            default:
                throw new InvalidOperationException($"No worker takes {header.Type}.");
        }
    }

    private void Put(ReadOnlySpan<byte> cell)
    {
        putCount++;
        try
        {
            handler.PutCell(cell);
        }
        catch (Exception e)     // a bug of the handler must not end the pod; it is reported, and answered
        {
            putFault ??= Told(e);
        }
    }

    private FlushedReply Flush(ulong ordinal)
    {
        ThrowPutFault();
        handler.Flush();
        return new() { DurableCount = ordinal };
    }

    private CommittedReply Commit(CommitRequest commit)
    {
        try
        {
            ThrowPutFault();
            if (ids.IsTooMuch)
                throw CommitIds.TooMuch();
            lock (sharedIds.Joining)
            {
                (CellId[] added, CellId[] dropped) = ids.Take();
                return handler.Commit(commit, added, dropped);
            }
        }
        finally
        {
            ids.Clear();
        }
    }

    private HaveReply Have(HaveRequest have)
    {
        var reply = new HaveReply { Has = handler.Have(have.Ids) };
        return have.IsAnsweredBy(reply) ? reply : throw new InvalidOperationException("The handler did not answer each id.");
    }

    private IWireMessage? OpenLease(uint request, LeaseRequest open)
    {
        var answer = new LeaseAnswer(sender, request);
        handler.OpenLease(open, answer);
        return answer.IsSent ? null : throw new InvalidOperationException("The handler answered no OPEN_LEASE.");
    }

    private IWireMessage? HomeKey(uint request)
    {
        var answer = new HomeKeyAnswer(sender, request);
        handler.HomeKey(answer);
        return answer.IsSent ? null : throw new InvalidOperationException("The handler answered no GET_HOME_KEY.");
    }

    private IWireMessage? GetCells(uint request, CellsRequest get)
    {
        var answer = new CellAnswer(sender, request, get, cellBytes);
        handler.GetCells(get, answer);
        return answer.IsComplete ? null : throw new InvalidOperationException("The handler did not answer each index.");
    }

    private void ThrowPutFault()
    {
        if (putFault is not { } fault)
            return;
        putFault = null;
        throw fault;
    }

    private void Reply(uint request, Action act) => Reply(request, () =>
    {
        act();
        return DoneReply.Instance;
    });

    /// <summary>Answers with what <paramref name="act"/> gives (null: it has answered), or with what it throws.</summary>
    private void Reply(uint request, Func<IWireMessage?> act)
    {
        VmPodException told;
        try
        {
            if (act() is { } reply)
                sender.Send(reply, request, urgent: true);
            return;
        }
        catch (Exception e)     // of the handler, or a reply that cannot be: it must not end the pod
        {
            told = Told(e);
        }
        if (!isClosed)
            sender.Send(new ErrorReply { ExitCode = told.ExitCode, Message = told.Message, Cure = told.Hint ?? "" }, request, urgent: true);
    }

    private VmPodException Told(Exception e)
    {
        if (e is VmPodException { ExitCode: not ExitCode.Done } known)
            return known;
        bug?.Invoke(e);
        return new VmPodException(ExitCode.Bug, "The pod failed at this request.", "Its log says why; this is a bug.");
    }

    private static VmPodException Unreadable(FrameHeader header) =>
        WireFault.Broken($"a frame of type {(byte)header.Type:x2} that is not well-formed or does not fit what came before it");
}
