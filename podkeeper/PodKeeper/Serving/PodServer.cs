using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.PodKeeper.Mirrors;
using VmPod.PodKeeper.Pairings;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.House;

namespace VmPod.PodKeeper.Serving;

/// <summary>
/// A pod that paired hosts reach over the network: accepts their links, and answers them with one vault and one audit log. It takes a pod that it owns
/// from then on, locked or not.
/// </summary>
/// <remarks>
/// <code>
///   Start -> serving --Stop, Dispose--> stopped: links ended, keys of leases zeroed, leases open in the vault
///   strangers (16 at most; one more ends the oldest) -> handshakes (4 at once) -> links (6 at most) -> HostHandler -> LeaseDesk -> vault, audit log
/// </code>
/// The order in which to read: this file, HostConnection, HostHandler, LeaseDesk, ServedLease, ReleaseLedger.
/// </remarks>
public sealed class PodServer : IDisposable
{
    private const string PairingsFolder = "v1/pairings";

    private readonly Pod pod;
    private readonly TimeProvider time;
    private readonly Action<ServerNote> note;
    private readonly Socket listener;
    private readonly Thread accepting, looking;
    private readonly SemaphoreSlim handshakes = new(PodLimits.HandshakesMax);
    private readonly Lock gate = new();
    private readonly List<HostConnection> connections = [];     // in the order in which they came
    private readonly CountdownEvent running = new(1);
    private readonly CancellationTokenSource stopping = new();
    private long numbers, refusals;
    private long? refusalsSaidAt;
    private bool isStopped;
    private PodSpace space;

    private PodServer(Pod pod, Socket listener, TimeProvider time, Action<ServerNote> note, string? mirrors)
    {
        this.pod = pod;
        this.time = time;
        this.note = note;
        this.listener = listener;
        Leases = new LeaseDesk(pod, time, note);
        Receipts = new ReceiptFolder(pod.Vault.Folder);
        PairingsPath = PairingsOf(pod.Vault.Folder);
        Copies = new KeptCopies(mirrors ?? KeptCopies.UsualRoot(pod.Vault.Folder), PairingsPath);
        Channel = new ChannelOptions { Time = time };
        accepting = new Thread(Accept) { IsBackground = true, Name = "pod accept" };
        looking = new Thread(WatchSpace) { IsBackground = true, Name = "pod space" };
    }

    /// <summary>Where it listens: the port that was free, if none was said.</summary>
    public IPEndPoint Address => (IPEndPoint)listener.LocalEndPoint!;

    /// <summary>How it is.</summary>
    public ServerState State
    {
        get
        {
            lock (gate)
                return new ServerState(Address.ToString(), Leases.IsUnlocked, connections.Count(c => c.PairingId is not null && !c.IsMirror), Leases.Count);
        }
    }

    internal LeaseDesk Leases { get; }

    internal ReceiptFolder Receipts { get; }

    /// <summary>The copies of other pods that it keeps.</summary>
    public KeptCopies Copies { get; }

    internal TimeProvider Time => time;

    /// <summary>The room on the pod's disk, when it was last looked at.</summary>
    internal PodSpace Space
    {
        get
        {
            lock (gate)
                return space;
        }
    }

    internal ChannelOptions Channel { get; }

    internal IdBudget SharedIds { get; } = new(WireLimits.SharedIdBytes);

    /// <summary>What each link sends at most, bytes a second; null for as fast as it goes.</summary>
    internal long? BytesPerSecond { get; private init; }

    internal string PairingsPath { get; }

    /// <summary>The vault.</summary>
    public UInt128 VaultId => pod.Vault.Descriptor.VaultId;

    /// <summary>Its id in hexadecimal.</summary>
    public string VaultText => VaultId.ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>Where a pod's folder keeps its pairings.</summary>
    public static string PairingsOf(string podFolder) => Path.Combine(podFolder, PairingsFolder);

    /// <summary>Begins to serve; hosts can connect when this returns. The pod is the server's from now on, also if this throws.</summary>
    /// <param name="pod">The pod, open for writing.</param>
    /// <param name="listen">Where; port 0 for a free one.</param>
    /// <param name="time">The clock.</param>
    /// <param name="note">Told what happens, from any thread.</param>
    /// <param name="bytesPerSecond">What each link sends at most; null for as fast as it goes.</param>
    /// <param name="mirrors">The folder of the copies of other pods that it keeps; null for the usual one.</param>
    /// <exception cref="VmPodException">The address is taken (6) or not of this machine (2); too little memory may be locked (9); the audit log cannot be
    /// written (5, 8).</exception>
    public static PodServer Start(Pod pod, IPEndPoint listen, TimeProvider time, Action<ServerNote> note, long? bytesPerSecond = null,
        string? mirrors = null)
    {
        PodServer? server = null;
        Socket? listener = null;
        try
        {
            CheckMemory();
            listener = Listening.Open(listen);
            server = new PodServer(pod, listener, time, note, mirrors) { BytesPerSecond = bytesPerSecond };
            pod.Audit.Append(new AuditEvent(AuditKind.PodBoot, AuditOutcome.Ok) { Detail = { ["port"] = server.Address.Port } });
            server.LookAtSpace();
            server.accepting.Start();
            server.looking.Start();
            if (pod.Vault.IsUnlocked)
                server.Leases.Checker.Resume();
            return server;
        }
        catch
        {
            server?.Leases.Dispose();
            listener?.Dispose();
            pod.Dispose();
            throw;
        }
    }

    /// <summary>Looks at the pod while its keys neither come nor go; hosts go on writing meanwhile.</summary>
    public T Look<T>(Func<Pod, T> look) => Leases.WithKeys(look);

    /// <summary>Changes the pod while its keys neither come nor go, one change of the vault at a time.</summary>
    public T With<T>(Func<Pod, T> act) => Leases.Change(act);

    /// <summary>Unlocks the served pod; hosts learn of it with the next beat. False if the passphrase is wrong.</summary>
    /// <exception cref="VmPodException">As for <see cref="Pod.TryUnlock"/>.</exception>
    public bool TryUnlock(SecretBuffer passphrase)
    {
        bool isUnlocked = Leases.ChangeKeys(p =>
        {
            bool isRight = p.Vault.IsUnlocked || p.TryUnlock(passphrase);
            TellLinks();
            return isRight;
        });
        if (isUnlocked)
        {
            Leases.StoreHomeKeys();
            Leases.Checker.Resume();
        }
        return isUnlocked;
    }

    /// <summary>Locks: no lease begins any more. Those that are open go on with their own keys (rule 33), unless <paramref name="all"/> says that their
    /// keys go too; then their links are ended, and no key leaves when this returns.</summary>
    /// <returns>Whether it was unlocked, and the leases that are served on, or were revoked.</returns>
    public (bool WasUnlocked, int Leases) Lock(bool all)
    {
        Leases.Checker.Pause();
        bool wasUnlocked = Leases.ChangeKeys(p =>
        {
            bool was = p.Vault.IsUnlocked;
            p.Vault.Lock();
            TellLinks();
            return was;
        });
        int leases = all ? Leases.Revoke("lock-all") : Leases.Count;
        Leases.TryAppend(new AuditEvent(AuditKind.Lock, AuditOutcome.Ok)
        {
            Detail = { ["by"] = "owner", [all ? "leases-revoked" : "leases-served"] = leases },
        });
        return (wasUnlocked, leases);
    }

    /// <summary>Opens the served pod for pairing; as <see cref="PodPairings.Open"/>. It is served meanwhile.</summary>
    public PairedHost Pair(PairingRequest request, IPairingScreen screen) => PodPairings.Open(pod, request, screen, time, stopping.Token);

    /// <summary>As <see cref="Pod.Release"/>; a host that has the lease over a link here is cut off.</summary>
    public bool Release(string session, bool otherHost)
    {
        (bool wasOpen, SessionHandle handle) = With(p => (p.Release(session, otherHost), p.Vault.FindSession(session).Handle));
        _ = Leases.Revoke("owner", session: handle);
        return wasOpen;
    }

    /// <summary>As <see cref="Pod.Accept"/>.</summary>
    public IReadOnlyList<string> Accept(string session, ulong? generation, ulong? fork) => With(p => p.Accept(session, generation, fork));

    /// <summary>As <see cref="Pod.CollectGarbage"/>: hosts go on meanwhile, and the pod can be locked.</summary>
    public GarbageReport CollectGarbage(bool isDryRun) => pod.CollectGarbage(isDryRun, null, stopping.Token);

    /// <summary>The served pod as something that a mirror is made from: hosts go on meanwhile, and the pod can be locked.</summary>
    public CopyReader OpenCopy() => new(pod.Vault, null, stopping.Token);

    /// <summary>Looks at the pod, or stores something anew, for long: hosts of other sessions go on meanwhile, and the pod can be locked.</summary>
    public T LookForLong<T>(Func<Pod, CancellationToken, T> look) => look(pod, stopping.Token);

    /// <summary>As <see cref="Pod.Squash"/>: hosts of other sessions go on meanwhile.</summary>
    public RewriteReport Squash(string session) => pod.Squash(session, null, stopping.Token);

    /// <summary>As <see cref="Pod.Clean"/>: hosts go on meanwhile; sessions that one of them has are left alone.</summary>
    public (IReadOnlyList<RewriteReport> Sessions, GarbageReport? Freed) Clean(long bytesMax, bool isDryRun) =>
        pod.Clean(bytesMax, isDryRun, null, stopping.Token);

    /// <summary>Ends everything that a host has here, after its pairing was removed: links, and keys of leases. The leases stay open in the vault.</summary>
    /// <returns>Links that were ended.</returns>
    public int CutOff(UInt128 pairingId)
    {
        HostConnection[] theirs;
        lock (gate)
            theirs = [.. connections.Where(c => c.PairingId == pairingId)];
        // This ends those with a lease already.
        _ = Leases.Revoke("unpaired", pairingId: pairingId);
        foreach (HostConnection connection in theirs)
            connection.Cut();
        return theirs.Length;
    }

    /// <summary>Stops in order: no further host, links ended with a farewell, keys zeroed, the entry. Leases stay open: their hosts may come back.</summary>
    public void Stop()
    {
        HostConnection[] all;
        lock (gate)
        {
            if (isStopped)
                return;
            isStopped = true;
            all = [.. connections];
        }
        stopping.Cancel();
        listener.Dispose();
        int leases = Leases.Count;
        foreach (HostConnection connection in all)
            connection.Cut();
        _ = running.Signal();
        running.Wait();
        Leases.Dispose();
        SayRefusals(isLast: true);
        Leases.TryAppend(new AuditEvent(AuditKind.PodStop, AuditOutcome.Ok) { Detail = { ["leases"] = leases } });
    }

    /// <summary>Stops, and gives the pod back.</summary>
    public void Dispose()
    {
        Stop();
        pod.Dispose();
        handshakes.Dispose();
        running.Dispose();
        stopping.Dispose();
    }

    internal void Note(ServerNote said) => note(said);

    internal PodHello Hello() => Leases.WithKeys(p => new PodHello
    {
        VaultId = VaultId,
        CellBytes = p.Vault.Store.CellBytes,
        IsUnlocked = p.Vault.IsUnlocked,
        TimeMs = (ulong)time.GetUtcNow().ToUnixTimeMilliseconds(),
        HeadSeq = p.Vault.Store.Head.Seq,
        HeadHash = p.Vault.Store.HeadHash,
        OwnerPublicKey = p.Vault.OwnerPublicKey ?? new byte[Digest.Size],
    });

    /// <summary>Waits for a turn to shake hands.</summary>
    internal IDisposable WaitForHandshake() => handshakes.Wait(PodLimits.FirstMessageTime) ? new Turn(handshakes)
        : throw new VmPodException(ExitCode.Busy, "Too many handshakes are under way.");

    /// <summary>Makes a stranger a host, or a pod that is mirrored here; false if there are as many links as there may be, or its pairing was removed
    /// meanwhile. A second link about a mirror ends the first one: that one's other side may have gone without a word.</summary>
    internal bool TryMakeLink(HostConnection connection, UInt128 pairingId, bool isMirror)
    {
        string? why;
        HostConnection[] before = [];
        lock (gate)
        {
            before = isMirror ? [.. connections.Where(c => c.PairingId == pairingId)] : [];
            int others = connections.Count(c => c.PairingId is not null && c.IsMirror == isMirror && !before.Contains(c));
            // Under the gate, and looked up in the folder: after CutOff nobody comes in any more.
            why = !Sync.Channel.Pairings.PairingFolder.Contains(PairingsPath, pairingId) ? "Its pairing was removed."
                : others >= (isMirror ? PodLimits.MirrorLinksMax : PodLimits.LinksMax) ? "There are as many links as this pod has memory for."
                : !isMirror && connections.Count(c => c.PairingId == pairingId) >= PodLimits.LinksOfOneHostMax
                    ? "It has as many links as one host may have."
                : null;
            if (why is null)
                connection.Know(pairingId, isMirror);
        }
        if (why is null)
        {
            foreach (HostConnection earlier in before)
                earlier.Cut();
            if (!before.All(c => c.WaitUntilGone(PodLimits.MirrorTakeOver)))
                why = "An earlier link about the same mirror has not ended yet.";
        }
        if (why is not null)
            Note(new ServerNote(isMirror ? "A paired pod was sent away." : "A paired host was sent away.", connection.Number, why));
        return why is null;
    }

    /// <summary>Whether only that room is left which is kept for a suspend (vault/SPEC.md, V-167), where the copies are on the pod's own disk.</summary>
    internal bool HasNoRoomForCopies() => Space.Room == PodRoom.KeptOnly
        && Libc.FileIdentity(Copies.Root)?.Device == Libc.FileIdentity(pod.Vault.Folder)?.Device;

    /// <summary>Writes an entry; it is durable when this returns.</summary>
    /// <exception cref="VmPodException">As for <see cref="AuditTrail.Append"/>.</exception>
    internal void Log(AuditEvent entry) => pod.Audit.Append(entry);

    /// <summary>Somebody did not prove that it is paired.</summary>
    internal void CountRefusal(HostConnection connection, string why)
    {
        Note(new ServerNote("A connection was refused.", connection.Number, why));
        _ = Interlocked.Increment(ref refusals);
        SayRefusals(isLast: false);
    }

    internal void Remove(HostConnection connection)
    {
        lock (gate)
            _ = connections.Remove(connection);
        _ = running.Signal();
    }

    // Tried rather than asked for: some may lock more than their limit says. Without a link's memory a server is of no use.
    private static void CheckMemory()
    {
        using IDisposable link = new LockedMemoryOwner(WireLimits.PodReceiveBytes + WireLimits.SendBytes);
    }

    private void Accept()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = listener.Accept();
            }
            catch (ObjectDisposedException)
            {
                return;
            }
            catch (SocketException e)
            {
                lock (gate)
                {
                    if (isStopped)
                        return;
                }
                // No descriptors, or the peer was gone before it was here: neither is helped by haste.
                Note(new ServerNote("A connection was not accepted.", Why: e.SocketErrorCode.ToString()));
                Thread.Sleep(100);
                continue;
            }
            Begin(socket);
        }
    }

    private void Begin(Socket socket)
    {
        HostConnection connection;
        HostConnection? oldest = null;
        lock (gate)
        {
            // Those that were told to go need a moment to do so: their threads are bounded too.
            if (isStopped || connections.Count >= PodLimits.LinksMax + 2 * PodLimits.StrangersMax)
            {
                socket.Dispose();
                return;
            }
            connection = new HostConnection(this, socket, ++numbers);
            HostConnection[] strangers = [.. connections.Where(c => c.PairingId is null && !c.IsCut)];
            if (strangers.Length >= PodLimits.StrangersMax)
                oldest = strangers[0];
            connections.Add(connection);
            running.AddCount();
        }
        oldest?.Cut();
        new Thread(connection.Run) { IsBackground = true, Name = "pod connection" }.Start();
    }

    private void TellLinks()
    {
        HostConnection[] all;
        lock (gate)
            all = [.. connections];
        foreach (HostConnection connection in all)
            connection.SetUnlocked(Leases.IsUnlocked);
    }

    // A disk may let one wait, so neither a beat nor a request looks at it. Nor does the end of the server wait for this.
    private void WatchSpace()
    {
        while (!stopping.Token.WaitHandle.WaitOne(PodLimits.SpaceWatch))
        {
            LookAtSpace();
            HostConnection[] all;
            lock (gate)
                all = [.. connections];
            foreach (HostConnection connection in all)
                connection.SetSpace(Space);
        }
    }

    private void LookAtSpace()
    {
        try
        {
            VaultSpace now = pod.Vault.SpaceNow();
            PodRoom room = now.IsKeptOnly ? PodRoom.KeptOnly : now.IsLow ? PodRoom.Low : PodRoom.Enough;
            lock (gate)
                space = new PodSpace(room, (ulong)now.FreeBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or VmPodException or ObjectDisposedException)
        {
            // What is wrong with the disk is found by who reads or writes it; what was said of its room stays.
        }
    }

    private void SayRefusals(bool isLast)
    {
        long count;
        lock (gate)
        {
            bool isDue = isLast || refusalsSaidAt is not { } said || time.GetElapsedTime(said) >= PodLimits.RefusalsEvery;
            if (!isDue || (count = Interlocked.Exchange(ref refusals, 0)) == 0)
                return;
            refusalsSaidAt = time.GetTimestamp();
        }
        Leases.TryAppend(new AuditEvent(AuditKind.LinkRefused, AuditOutcome.Refused) { Detail = { ["count"] = count } });
    }

    private sealed class Turn(SemaphoreSlim turns) : IDisposable
    {
        public void Dispose() => turns.Release();
    }
}
