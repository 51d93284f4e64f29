using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using VmPod.Audit;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.HostGuard.Session;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Pods;

/// <summary>
/// A pod that is another machine. One link at a time; when it is lost it is sought again until this is disposed, and the lease is taken up again on it.
/// </summary>
/// <remarks>
/// <code>
///   linked --link ends--> seeking --connected, lease attached, missing cells sent--> linked
/// </code>
/// <see cref="Silence"/> goes on counting from the last byte that the pod sent, whatever the link does.
/// </remarks>
internal sealed class RemotePod : ISessionPod
{
    private const int KeyBytes = 32;

    private static readonly TimeSpan AskTime = TimeSpan.FromSeconds(10), LeaseTime = TimeSpan.FromSeconds(30);

    // A few words may be lost before the pod takes a silent lease for given up (P-45: 10 minutes).
    private static readonly TimeSpan RenewEvery = TimeSpan.FromMinutes(1);

    // Often enough that a pod that comes back within the grace is found; a refused connection costs next to nothing.
    private static readonly TimeSpan SeekEvery = TimeSpan.FromMilliseconds(250);

    private readonly EndPoint address;
    private readonly Pairing pairing;
    private readonly UInt128 bootId;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly CancellationTokenSource ending = new();
    private readonly Lock gate = new();
    private readonly ManualResetEventSlim linked = new();
    private readonly Thread keeper;
    private PodLink? link;
    private KnownPod known;
    private RemoteLeaseHome? home;
    private (SessionHandle Session, ulong LeaseId, ulong Term)? lease;
    private IReadOnlyList<PodFork> forks = [];
    private bool isDisposed;
    private long lostAt;
    private long lastHeard = Stopwatch.GetTimestamp();
    private long leaseEndsAt = long.MaxValue;

    /// <summary>Connects. The pairing is this object's from then on.</summary>
    /// <exception cref="VmPodException">Not reached (7), refused (4).</exception>
    public RemotePod(PodAddress address, Pairing pairing, TimeProvider time, ILogger log)
    {
        this.address = address.Machine!;
        this.pairing = pairing;
        this.time = time;
        this.log = log;
        bootId = ThisBoot();
        (link, known) = PodLink.Connect(this.address, pairing, KnownPod.Load(HostFolder.Pods(), pairing.Id), bootId, time, ending.Token);
        known = known with { Address = address.Text, Name = pairing.PeerName };
        known.Save(HostFolder.Pods(), pairing.Id);
        linked.Set();
        keeper = new Thread(KeepLinked) { IsBackground = true, Name = "pod link" };
        keeper.Start();
    }

    /// <summary>The link, if there is one now.</summary>
    public WireLink? Current => linked.IsSet && Volatile.Read(ref link) is { } now && now.Wire.Failure is null ? now.Wire : null;

    /// <inheritdoc/>
    public TimeSpan Silence
    {
        get
        {
            if (Volatile.Read(ref link) is { } now && now.Wire.Failure is null)
            {
                TimeSpan silent = now.Wire.SilentFor;
                Volatile.Write(ref lastHeard, Stopwatch.GetTimestamp() - (long)(silent.TotalSeconds * Stopwatch.Frequency));
                // Linked again, but the lease is not taken up yet: nothing can be read or written.
                return linked.IsSet ? silent : TimeSpan.FromTicks(Math.Max(silent.Ticks, Stopwatch.GetElapsedTime(lostAt).Ticks));
            }
            return Stopwatch.GetElapsedTime(Volatile.Read(ref lastHeard));
        }
    }

    /// <inheritdoc/>
    public bool LeaseIsOver => Libc.BootTime().Ticks >= Volatile.Read(ref leaseEndsAt);

    /// <summary>The link; waits for it so long.</summary>
    /// <exception cref="VmPodException">There is none (7).</exception>
    public WireLink Require(TimeSpan patience)
    {
        try
        {
            if (linked.Wait(patience, ending.Token) && Current is { } wire)
                return wire;
        }
        catch (OperationCanceledException)
        {
            // It is being wiped.
        }
        throw new VmPodException(ExitCode.LinkLost, "The pod cannot be reached.", "Bring it back within reach.");
    }

    /// <summary>Remembers a head of the pod's vault (rule 28).</summary>
    public void Witness(ulong seq, Digest hash)
    {
        lock (gate)
            known = known with { HeadSeq = seq, HeadHash = hash.ToString() };
    }

    /// <inheritdoc/>
    public PodSession Find(string session, ulong? generation)
    {
        SessionReply found = Require(TimeSpan.Zero).Call(new FindRequest { Name = session }, AskTime);
        // Newest first.
        IEnumerable<GenerationLine> fitting = found.Generations
            .Where(g => generation is { } number ? g.Generation == number : g.Kind == GenerationKind.Checkpoint);
        PodGeneration? start = fitting.Select(g => new PodGeneration(g.Generation, g.Number, g.Kind)).FirstOrDefault();
        if (start is null && generation is { } missing)
            throw new VmPodException(ExitCode.NotFound, $"Session {session} has no generation {missing}.",
                "podkeeper sessions DIR SESSION on the pod lists them.");
        return new PodSession(found.Tip?.Number ?? 0, start);
    }

    /// <inheritdoc/>
    public IReadOnlyList<PodFork> Forks
    {
        get => Volatile.Read(ref forks);
        private set => Volatile.Write(ref forks, value);
    }

    /// <inheritdoc/>
    public void LookForForks(SessionHandle session)
    {
        // An older pod has forks too, and no word for them.
        if (Current is { Version: >= ForksRequest.VersionMin } wire)
            LookForForks(wire, session);
    }

    private void LookForForks(WireLink wire, SessionHandle session)
    {
        try
        {
            ForksReply reply = wire.Call(new ForksRequest { Session = session }, AskTime);
            Forks = [.. reply.Lines.Where(l => l.Waits)
                .Select(l => PodFork.Of(l.LeaseId, l.Host.Length == 0 ? null : l.Host, l.TimeMs, l.Kind, l.Trust)).OrderBy(f => f.Time)];
        }
        catch (VmPodException e)
        {
            log.LogInformation("The pod was not asked for forks: {Reason}", e.Message);
        }
    }

    /// <inheritdoc/>
    public bool Has(string session)
    {
        try
        {
            _ = Find(session, null);
            return true;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.NotFound)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void EndLease(SessionLease ended, params IReadOnlyList<AuditEvent> events)
    {
        try
        {
            // The pod logs commits itself, as it takes them.
            Log([.. events.Where(e => e.Kind != AuditKind.Commit)]);
            ended.Close();
        }
        finally
        {
            ended.Dispose();
        }
    }

    /// <inheritdoc/>
    public SessionLease BeginLease(string session, PodKeeper.LeasePurpose purpose, bool create, ulong? generation, bool tip,
        ulong? fork = null)
    {
        WireLink wire = Require(TimeSpan.Zero);
        if (known.OwnerKey.Length == 0)
            throw new VmPodException(ExitCode.Refused, "The pod is locked.", "Unlock it on the pod: podkeeper unlock DIR.");
        using SecretBuffer seed = SecretBuffer.Random(KeyBytes);
        SigningKey signer = SigningKey.FromSeed(seed);
        SecretBuffer? key = null;
        try
        {
            TimeSpan asked = Libc.BootTime();
            LeaseReply reply = wire.OpenLease(new LeaseRequest
            {
                Session = session,
                Purpose = purpose == PodKeeper.LeasePurpose.Adopt ? Sync.Wire.LeasePurpose.Put : Sync.Wire.LeasePurpose.Resume,
                Create = create,
                Tip = tip,
                Generation = generation,
                Fork = fork,
                Signer = signer.PublicKey,
            }, bytes => key = SecretBuffer.Create(KeyBytes, bytes, static (to, from) => from.CopyTo(to)), LeaseTime);
            SessionLease opened = Open(session, wire, reply, key!, signer);
            LeaseGoesOn(asked, reply.ExpiresInMs);
            HomeReading.FetchKey(wire, pairing, log);
            return opened;
        }
        catch
        {
            signer.Dispose();
            throw;
        }
        finally
        {
            key?.Dispose();
        }
    }

    private SessionLease Open(string name, WireLink wire, LeaseReply reply, SecretBuffer key, SigningKey signer)
    {
        var owner = new ResidueOwner
        {
            Pairing = Hex(pairing.Id),
            Address = known.Address,
            BootId = Hex(bootId),
            Session = reply.Session.ToString(),
            Name = name,
            LeaseId = reply.LeaseId.ToString("x16", CultureInfo.InvariantCulture),
            Term = reply.Term,
            BegunMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        int cellBytes = wire.Pod!.CellBytes;
        var residue = new Residue(owner, cellBytes, HostLimits.ResidueBytesMax);
        var leaseHome = new RemoteLeaseHome(this, residue, new HomeReading(pairing, reply.Session, log), cellBytes, time, log);
        try
        {
            var terms = new LeaseTerms(wire.Pod.VaultId, reply.Session, reply.Term, reply.SessionOffset, reply.LeaseOffset, reply.LastGeneration,
                reply.LastNumber);
            lease = (reply.Session, reply.LeaseId, reply.Term);
            leaseHome.SendAgain(wire);
            home = leaseHome;
            BaseCommit? start = reply.Base is { } from
                ? new BaseCommit(from.Record, from.Signature.ToArray(), from.EntryHash, checked((long)from.EntryOffset), from.Certificate.ToArray()) : null;
            return SessionLease.Open(name, terms, key, signer, leaseHome, leaseHome, start, Convert.FromHexString(known.OwnerKey), reply.LeaseId);
        }
        catch
        {
            home = null;
            lease = null;
            leaseHome.Close();
            leaseHome.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Log(params IReadOnlyList<AuditEvent> entries)
    {
        foreach (AuditEvent entry in entries)
        {
            Require(TimeSpan.Zero).Call(new LogRequest
            {
                Kind = (ushort)entry.Kind,
                Numbers = [.. entry.Detail.Where(d => d.Value.Text is null).Take(WireLimits.LogNumbersMax).Select(d => new LogNumber(d.Key, d.Value.Number))],
            }, AskTime);
        }
    }

    /// <inheritdoc/>
    public bool KeepRest()
    {
        if (home is null)
            return false;
        home.KeepRest();
        // Whoever waits for the pod waits no longer, and it is not sought any more.
        ending.Cancel();
        Volatile.Read(ref link)?.Abort();
        return true;
    }

    /// <inheritdoc/>
    public bool KeepsRest => true;

    /// <inheritdoc/>
    public long RestBytes => home?.UncommittedBytes ?? 0;

    /// <inheritdoc/>
    public PodSpace? Space => Volatile.Read(ref link)?.Wire.LastBeat.Space;

    /// <inheritdoc/>
    public long CellsFetched => home?.CellsFetched ?? 0;

    /// <inheritdoc/>
    public TimeSpan WaitedForCells => home?.WaitedForCells ?? default;

    /// <inheritdoc/>
    public string? RestFolder => home?.RestFolder;

    /// <inheritdoc/>
    public string? EndRest() => home?.EndRest();

    /// <inheritdoc/>
    public void GiveReceipt(WipeReceipt receipt, SessionLease signer)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(receipt, HostGuardJson.Default.WipeReceipt);
        if (json.Length > WireLimits.ReceiptBytesMax)
            throw new VmPodException(ExitCode.Bug, "The receipt is too long for the wire.");
        Require(TimeSpan.Zero).Call(new ReceiptRequest { Json = json, Signature = signer.Sign(json) }, AskTime);
    }

    /// <summary>Nothing: the keys are the lease's, and those of cells are kept for a moment each.</summary>
    public void Lock()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        ending.Cancel();
        keeper.Join();
        link?.Dispose();
        known.Save(HostFolder.Pods(), pairing.Id);
        linked.Dispose();
        ending.Dispose();
        pairing.Dispose();
    }

    private void KeepLinked()
    {
        while (!ending.IsCancellationRequested)
        {
            try
            {
                if (!link!.Wire.Ended.Wait(RenewEvery, ending.Token))
                {
                    Renew(link.Wire);
                    // One may have been handed in meanwhile.
                    if (lease is { } mine)
                        LookForForks(mine.Session);
                    continue;
                }
                linked.Reset();
                lostAt = Stopwatch.GetTimestamp();
                log.LogWarning("{Reason}", link.Wire.Failure?.Message ?? "The link is lost.");
                PodLink lost = link;
                Volatile.Write(ref link, Seek());
                lost.Dispose();
                linked.Set();
                log.LogInformation("Linked with the pod again.");
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    // By this host's own clock from before it asked, sleep included (rule 33). A lease that was over once does not come back.
    private void LeaseGoesOn(TimeSpan asked, uint expiresInMs)
    {
        lock (gate)
        {
            if (leaseEndsAt != 0)
                Volatile.Write(ref leaseEndsAt, expiresInMs == 0 ? 0 : (asked + TimeSpan.FromMilliseconds(expiresInMs)).Ticks);
        }
    }

    private void Renew(WireLink wire)
    {
        if (lease is null)
            return;
        try
        {
            TimeSpan asked = Libc.BootTime();
            LeaseGoesOn(asked, wire.Call(RenewRequest.Instance, AskTime).ExpiresInMs);
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.LinkLost)
        {
            // The link is sought again, and ATTACH renews too.
        }
        catch (VmPodException e)
        {
            log.LogWarning("The lease was not renewed: {Reason}", e.Message);
            LeaseGoesOn(default, 0);
        }
    }

    private PodLink Seek()
    {
        string? last = null;
        while (true)
        {
            PodLink? found = null;
            try
            {
                KnownPod learned;
                (found, learned) = PodLink.Connect(address, pairing, known, bootId, time, ending.Token);
                if (lease is { } open)
                {
                    TimeSpan asked = Libc.BootTime();
                    AttachedReply attached = found.Wire.Call(new AttachRequest { Session = open.Session, LeaseId = open.LeaseId, Term = open.Term }, AskTime);
                    LeaseGoesOn(asked, attached.IsOpen ? attached.ExpiresInMs : 0);
                    home?.SendAgain(found.Wire);
                    if (attached.IsOpen && found.Wire.Pod!.IsUnlocked)
                        HomeReading.FetchKey(found.Wire, pairing, log);
                }
                lock (gate)
                    known = learned;
                return found;
            }
            catch (VmPodException e)
            {
                found?.Dispose();
                if (e.ExitCode == ExitCode.Busy && found is not null)
                    LeaseGoesOn(default, 0);
                if (e.Message != last)
                    log.LogInformation("Seeking the pod: {Reason}", e.Message);
                last = e.Message;
            }
            if (ending.Token.WaitHandle.WaitOne(SeekEvery))
                throw new OperationCanceledException();
        }
    }

    // The kernel's own number of this boot: a process that was killed gets its lease back, and another boot does not.
    private static UInt128 ThisBoot() => ResidueOwner.Number(File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim().Replace("-", "",
        StringComparison.Ordinal));

    private static string Hex(UInt128 number) => number.ToString("x32", CultureInfo.InvariantCulture);
}
