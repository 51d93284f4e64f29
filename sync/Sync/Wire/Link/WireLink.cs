using VmPod.Foundation;

namespace VmPod.Sync.Wire;

/// <summary>
/// One link between a host and a pod over any duplex stream, as sync/SPEC.md says. It authenticates nobody and encrypts nothing: the stream does.
/// Still nothing that the peer sends is trusted.
/// </summary>
/// <remarks>
/// <code>
/// host threads ── Call, GetCells ──┐ urgent                     ┌── reads, 4 workers ── handler
///              ── PutCell, Commit ─┤ bulk   sender ═══ receiver ┤
///                                  └─ beat                      └── writes, 1 worker ── handler
/// receiver ── replies, cells into the caller's memory           sender ── replies, cells
/// </code>
/// It is open from <see cref="Connect"/> or <see cref="Serve"/> until it ends, once and for all: by <see cref="Close"/>, by the peer's BYE, by a
/// fault of the stream, by a stall, or by a peer that breaks a rule. Then everybody who waits is woken with <see cref="Failure"/>.
/// Who made it disposes it, which waits until no thread of it uses the memory that was lent.
/// </remarks>
public sealed partial class WireLink : IDisposable
{
    private readonly Stream stream;
    private readonly WireOptions options;
    private readonly WireRole role;
    private readonly FrameReceiver receiver;
    private readonly FrameSender sender;
    private readonly RequestTable table = new();
    private readonly SemaphoreSlim bulkOrder = new(1);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread thread;
    private readonly ITimer watch;
    private readonly long openedAt;
    private WireServer? server;
    private VmPodException? failure;
    private bool isOpen, isDisposed;
    private volatile bool isEnding, isReceiving;
    private int cellBytes;
    private long putCount, unsealedBytes;
    private volatile bool isUnlocked;
    private Beat lastBeat;
    private int version;
    private PodSpace space;

    private WireLink(Stream stream, IWireHello own, WireOptions options)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(options);
        role = own.Role;
        int receiveBytes = role == WireRole.Host ? WireLimits.HostReceiveBytes : WireLimits.PodReceiveBytes;
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ReceiveMemory.Length, receiveBytes, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SendMemory.Length, WireLimits.SendBytes, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BulkBytesPerSecond ?? long.MaxValue, WireLimits.BulkRateMin, nameof(options));
        this.stream = stream;
        this.options = options;
        receiver = new(stream, role == WireRole.Host ? WireRole.Pod : WireRole.Host, options.ReceiveMemory[..receiveBytes], options.Time);
        sender = new(stream, options.SendMemory[..WireLimits.SendBytes], options.Time, options.BulkBytesPerSecond, OwnBeat,
            e => Fail(WireFault.Lost("it takes no more", e)));
        thread = new Thread(Receive) { IsBackground = true, Name = "wire receive" };
        openedAt = options.Time.GetTimestamp();
        watch = options.Time.CreateTimer(_ => Watch(), null, WireLimits.BeatEvery, WireLimits.BeatEvery);
    }

    /// <summary>The pod's HELLO; null on a pod.</summary>
    public PodHello? Pod { get; private set; }

    /// <summary>The host's HELLO; null on a host.</summary>
    public HostHello? Host { get; private set; }

    /// <summary>The version of the link: the newest that both sides speak.</summary>
    public int Version => version;

    /// <summary>The peer's last beat; its count is 0 before the first.</summary>
    public Beat LastBeat
    {
        get
        {
            lock (ended)
                return lastBeat;
        }
    }

    /// <summary>What a host's beats say: bytes that would be lost if it were cut off now.</summary>
    public long UnsealedBytes
    {
        get => Interlocked.Read(ref unsealedBytes);
        set => Interlocked.Exchange(ref unsealedBytes, value);
    }

    /// <summary>What a pod's beats say.</summary>
    public bool IsUnlocked
    {
        get => isUnlocked;
        set => isUnlocked = value;
    }

    /// <summary>What a pod's beats say of its room, where the host is new enough to be told.</summary>
    public PodSpace Space
    {
        get
        {
            lock (ended)
                return space;
        }
        set
        {
            lock (ended)
                space = value;
        }
    }

    /// <summary>When the last byte of the peer came: a timestamp of <see cref="WireOptions.Time"/>.</summary>
    public long LastHeard => receiver.LastHeard;

    /// <summary>How long nothing came from the peer. Zero while this side does not listen because its own workers are behind.</summary>
    public TimeSpan SilentFor => receiver.SilentFor;

    /// <summary>Ends, well, when the link ends, for whatever reason.</summary>
    public Task Ended => ended.Task;

    /// <summary>Why the link ended; null while it is open. Exit code 7: the stream, a stall, a BYE, or <see cref="Close"/>; 5: the peer broke a
    /// rule.</summary>
    public VmPodException? Failure => Volatile.Read(ref failure);

    /// <summary>Opens the host's end: HELLOs, within <see cref="WireLimits.HelloTime"/>.</summary>
    /// <param name="stream">The stream: one thread reads while another writes. It is the link's from now on; at the end it is cut or disposed.</param>
    /// <param name="own">This host's HELLO.</param>
    /// <param name="options">Memory and clock.</param>
    /// <exception cref="VmPodException">The versions do not meet (4), the peer is no pod (5), or the stream is lost or silent (7). The stream is
    /// cut.</exception>
    public static WireLink Connect(Stream stream, HostHello own, WireOptions options)
    {
        ArgumentNullException.ThrowIfNull(own);
        return new WireLink(stream, own, options).Open(own, static (link, body) =>
        {
            link.Pod = PodHello.TryRead(body, out PodHello? hello) ? hello : throw WireFault.Broken("its HELLO is not that of a pod");
            link.cellBytes = hello.CellBytes;
        }, null);
    }

    /// <summary>Opens the pod's end, and serves the host until the link ends.</summary>
    /// <param name="stream">As for <see cref="Connect"/>.</param>
    /// <param name="own">This pod's HELLO.</param>
    /// <param name="handlerOf">Makes the handler for the host that said this HELLO; called once, before any request.</param>
    /// <param name="options">Memory and clock.</param>
    /// <exception cref="VmPodException">As for <see cref="Connect"/>.</exception>
    public static WireLink Serve(Stream stream, PodHello own, Func<WireLink, IWireHandler> handlerOf, WireOptions options)
    {
        ArgumentNullException.ThrowIfNull(own);
        ArgumentNullException.ThrowIfNull(handlerOf);
        return new WireLink(stream, own, options) { cellBytes = own.CellBytes, isUnlocked = own.IsUnlocked }.Open(own, static (link, body) =>
            link.Host = HostHello.TryRead(body, out HostHello? hello) ? hello : throw WireFault.Broken("its HELLO is not that of a host"), handlerOf);
    }

    /// <summary>Ends the link in order: what was queued is sent, then BYE. Waits up to a second for it. What was not flushed may be lost.</summary>
    public void Close()
    {
        isEnding = true;
        if (Failure is null)
            sender.Finish(TimeSpan.FromSeconds(1));
        Fail(OwnEnd());
    }

    /// <summary>Closes the link, waits for its threads and zeroes the memory that was lent. Not from a handler or a sink.</summary>
    public void Dispose()
    {
        lock (bulkOrder)
        {
            if (isDisposed)
                return;
            isDisposed = true;
        }
        Close();
        watch.Dispose();
        if (thread.ThreadState != (ThreadState.Background | ThreadState.Unstarted))
            thread.Join();
        sender.Join();
        server?.Join();
        table.Dispose();
        // A frame is zeroed as it is done with; these are those that never were.
        receiver.ZeroRest();
        sender.ZeroRest();
    }

    /// <summary>Of a pod: waits until the cells that the host put on this link are taken in, so that another link can go on after them: all that came, if the
    /// link has ended; else those that came, once nothing more comes for a moment.</summary>
    /// <param name="quiet">How long nothing must come on a link that stands.</param>
    /// <param name="atMost">After this it returns in any case.</param>
    public void Settle(TimeSpan quiet, TimeSpan atMost)
    {
        var deadline = new Deadline(atMost);
        while (server is not null && !server.IsSettled(receiver.SilentFor >= quiet) && !deadline.IsOver)
            Thread.Sleep(WireLimits.SettlePoll);
    }

    private WireLink Open(IWireHello own, Action<WireLink, ReadOnlySpan<byte>> read, Func<WireLink, IWireHandler>? handlerOf)
    {
        try
        {
            byte[] hello = new byte[WireLimits.HeaderBytes + own.BodyBytes];        // holds no secret
            new FrameHeader(WireType.Hello, 0, own.BodyBytes).WriteTo(hello);
            own.WriteTo(hello.AsSpan(WireLimits.HeaderBytes));
            stream.Write(hello);
            stream.Flush();
            (_, FrameBlock body) = receiver.Read(0, isHelloDue: true);
            try
            {
                read(this, body.Span);
                version = own.Versions.With((Pod ?? (IWireHello)Host!).Versions);
            }
            finally
            {
                body.Return();
            }
            if (handlerOf is not null)
                server = new(handlerOf(this), sender, receiver, cellBytes, Fail, options.Bug, options.SharedIds);
            Volatile.Write(ref isOpen, true);
            server?.Start();
            sender.Start();
            thread.Start();
            return this;
        }
        catch (Exception e)
        {
            Fail(e as VmPodException ?? WireFault.Lost("it failed at the start", e));
            VmPodException why = Failure!;
            Dispose();
            if (e is VmPodException or IOException or ObjectDisposedException)
                throw WireFault.Again(why);
            throw;
        }
    }

    private static VmPodException OwnEnd() => WireFault.Lost("this side ended it");

    private void Receive()
    {
        isReceiving = true;
        try
        {
            while (Failure is null)
            {
                (FrameHeader header, FrameBlock body) = receiver.Read(cellBytes, isHelloDue: false);
                switch (header.Type)
                {
                    case WireType.Beat:
                        TakeBeat(body);
                        break;
                    case WireType.GetForks or WireType.Forks when version < ForksRequest.VersionMin:
                        body.Return();
                        throw WireFault.Broken($"a frame of type {(byte)header.Type:x2}, which version {version} does not have");
                    case WireType.Bye:
                        body.Return();
                        throw WireFault.Lost("the other side ended it");
                    default:
                        if (server is not null)
                            server.Take(header, body);
                        else
                            Deliver(header, body);
                        break;
                }
            }
        }
        catch (VmPodException e)
        {
            Fail(e);
        }
        catch (Exception e)     // of the stream, whatever it is made of: it ends the link and never the process
        {
            Fail(WireFault.Lost("it failed", e));
        }
        finally
        {
            server?.EndInput();
        }
    }

    private void Deliver(FrameHeader header, FrameBlock body)
    {
        try
        {
            if (!table.TryDeliver(header, body.Span))
                throw WireFault.Broken($"a reply of type {(byte)header.Type:x2} that nobody asked for, or that is not well-formed");
        }
        finally
        {
            body.Return();
        }
    }

    private void TakeBeat(FrameBlock body)
    {
        bool isRead = Beat.TryRead(body.Span, role == WireRole.Host ? WireRole.Pod : WireRole.Host, version, out Beat beat);
        body.Return();
        lock (ended)
        {
            if (!isRead || beat.Count != unchecked(lastBeat.Count + 1))
                throw WireFault.Broken("a beat that is not well-formed or not the next");
            lastBeat = beat;
        }
    }

    private Beat OwnBeat(uint count)
    {
        ulong now = (ulong)options.Time.GetUtcNow().ToUnixTimeMilliseconds();
        return role == WireRole.Host ? new(role, count, now, (ulong)UnsealedBytes, false)
            : new(role, count, now, 0, isUnlocked, Beat.HasSpace(role, version) ? Space : null);
    }

    /// <summary>Looks at the clocks, four times a second: a peer that stalls is cut off, whatever the threads wait for.</summary>
    private void Watch()
    {
        if (!Volatile.Read(ref isOpen))
        {
            if (options.Time.GetElapsedTime(openedAt) > WireLimits.HelloTime)
                Fail(WireFault.Lost("the other side did not say HELLO"));
        }
        else if (receiver.StalledFor > WireLimits.StallTime || receiver.FrameFor > WireLimits.FrameTime)
            Fail(WireFault.Lost("the other side stalled in the middle of a frame"));
        else if (receiver.SilentFor > options.SilenceTime)
            Fail(WireFault.Lost("the other side is silent"));
        else if (sender.WritingFor > (receiver.SilentFor > WireLimits.StallTime ? WireLimits.StallTime : WireLimits.SendTime))
            Fail(WireFault.Lost("the other side takes nothing"));
    }

    /// <summary>Ends the link, the first time; wakes everybody.</summary>
    private void Fail(VmPodException why)
    {
        why = isEnding ? OwnEnd() : why;        // the peer hangs up at our BYE
        if (Interlocked.CompareExchange(ref failure, why, null) is not null)
            return;
        table.FailAll(why);
        sender.Close();
        receiver.Close();
        // Who broke a rule has no more to say. What came whole before a link was lost was said (S-76).
        server?.Close(takesRest: isReceiving && why.ExitCode == ExitCode.LinkLost);
        try
        {
            if (options.Cut is { } cut)
                cut();
            else
                stream.Dispose();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or System.Net.Sockets.SocketException)
        {
            // It is gone already.
        }
        _ = ended.TrySetResult();
    }
}
