using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>
/// A pod that its owner opened for pairing: one way, one role, one host, three tries, five minutes. Then it is closed for good, and the owner opens
/// a new one.
/// <code>
/// open --attempt fails--> open, one try less --third fails, or five minutes--> closed
/// open --host agreed----> closed
/// </code>
/// </summary>
/// <remarks>It listens on nothing: whoever opened it accepts connections, on a port of their own, and gives each to <see cref="Accept"/>.
/// One attempt at a time; every one is in the log before it is answered.</remarks>
public sealed class PairingDesk : IDisposable
{
    private readonly PairingWay way;
    private readonly HostRole role;
    private readonly string podName;
    private readonly DigitsQuestion? ask;
    private readonly IPairingLog log;
    private readonly ChannelOptions options;
    private readonly Lock state = new();
    private readonly long openedAt;
    private readonly DateTimeOffset openedOn;
    private bool busy;
    private bool closed;
    private int lateRecords = PairingLimits.TriesMax;

    private PairingDesk(PairingWay way, HostRole role, string podName, PairingCode? code, DigitsQuestion? ask, IPairingLog log, ChannelOptions? options)
    {
        this.way = way;
        this.role = role;
        this.podName = DisplayName.Sanitise(podName);
        this.ask = ask;
        this.log = log;
        this.options = options ?? ChannelOptions.Default;
        Code = code;
        openedAt = this.options.Time.GetTimestamp();
        openedOn = this.options.Time.GetUtcNow();
        Record(PairingEventKind.Opened);
    }

    /// <summary>What to show, when paired by code; else null. Belongs to the desk.</summary>
    public PairingCode? Code { get; }

    /// <summary>Attempts left.</summary>
    public int TriesLeft { get; private set; } = PairingLimits.TriesMax;

    /// <summary>False after success, after three tries, and after five minutes by either of the pod's clocks (one stands still while it sleeps).</summary>
    public bool IsOpen
    {
        get
        {
            lock (state)
                return !closed && TriesLeft > 0 && IsInTime();
        }
    }

    /// <summary>Opens a desk that takes whoever has the code in <see cref="Code"/>.</summary>
    /// <param name="role">What the host becomes.</param>
    /// <param name="podName">How the pod calls itself; sanitised.</param>
    /// <param name="address">host:port to put into the code, or empty.</param>
    /// <param name="log">Told of every attempt.</param>
    /// <param name="options">Clock and ciphers.</param>
    public static PairingDesk ByCode(HostRole role, string podName, string address, IPairingLog log, ChannelOptions? options = null) =>
        new(PairingWay.Code, role, podName, PairingCode.Create(address), null, log, options);

    /// <summary>Opens a desk that takes whoever shows the same six digits.</summary>
    /// <param name="role">What the host becomes.</param>
    /// <param name="podName">How the pod calls itself; sanitised.</param>
    /// <param name="ask">Asks the person at the pod; called on the thread of <see cref="Accept"/>.</param>
    /// <param name="log">Told of every attempt.</param>
    /// <param name="options">Clock and ciphers.</param>
    public static PairingDesk ByDigits(HostRole role, string podName, DigitsQuestion ask, IPairingLog log, ChannelOptions? options = null) =>
        new(PairingWay.Digits, role, podName, null, ask, log, options);

    /// <summary>One attempt. Takes the connection over; returns the pairing, which the caller owns and stores, or throws.</summary>
    /// <exception cref="VmPodException">Refused, or closed already (exit code 4); another attempt is under way (6); cut off or too slow (7).</exception>
    public Pairing Accept(Socket socket)
    {
        try
        {
            Begin();
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        try
        {
            return Attempt(socket);
        }
        catch (Exception e)
        {
            socket.Dispose();
            Record(e is VmPodException { ExitCode: ExitCode.LinkLost } ? PairingEventKind.Lost : PairingEventKind.Refused);
            throw;
        }
        finally
        {
            lock (state)
                busy = false;
        }
    }

    /// <summary>Closes the desk and zeroes the code.</summary>
    public void Dispose()
    {
        lock (state)
            closed = true;
        Code?.Dispose();
    }

    private void Begin()
    {
        lock (state)
        {
            if (busy)
                throw new VmPodException(ExitCode.Busy, "Another host is pairing at this moment.", "Wait for it to end, then try again.");
            if (closed || TriesLeft == 0 || !IsInTime())
            {
                closed = true;
                RecordLate();
                throw new VmPodException(ExitCode.Refused, "Pairing is closed.", "Open it again on the pod: podkeeper pair.");
            }
            // Counted before it is answered: attempts that are cut off count too.
            TriesLeft--;
            busy = true;
        }
        try
        {
            Record(PairingEventKind.Attempt);
        }
        catch
        {
            lock (state)
                busy = false;
            throw;
        }
    }

    private Pairing Attempt(Socket socket)
    {
        using SecretBuffer? compared = ask is null ? null : DigitsComparison.AsPod(socket, ask, options.Time);
        SecretBuffer secret = compared ?? Code!.Secret;
        using var directory = new PskDirectory([new PskEntry([PairingKeys.Identity(secret)], PairingKeys.TlsKey(secret))]);
        using SecureChannel channel = SecureChannel.AsServer(socket, directory, static _ => 0, options, ChannelExporter.Pairing);
        return PairingAgreement.AsPod(channel, way, role, podName, options.Time.GetUtcNow(), id =>
        {
            // The code is used from here on, even if the host never answers: it may have the key.
            lock (state)
                closed = true;
            log.Record(new PairingEvent(PairingEventKind.Paired, way, role, TriesLeft, id));
        });
    }

    private bool IsInTime()
    {
        TimeSpan limit = TimeSpan.FromMilliseconds(PairingLimits.OpenMillisecondsMax);
        return options.Time.GetElapsedTime(openedAt) < limit && (options.Time.GetUtcNow() - openedOn).Duration() < limit;
    }

    // Whoever knocks at a closed desk again and again must not fill the log.
    private void RecordLate()
    {
        if (lateRecords > 0)
        {
            lateRecords--;
            Record(PairingEventKind.Late);
        }
    }

    private void Record(PairingEventKind kind) => log.Record(new PairingEvent(kind, way, role, TriesLeft));
}
