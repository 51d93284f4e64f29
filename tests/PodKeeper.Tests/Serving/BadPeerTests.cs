using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using VmPod.Foundation;
using VmPod.Sync.Channel;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;
using Xunit;

namespace VmPod.PodKeeper.Tests.Serving;

/// <summary>Peers that are none, that stall, or that want too much: they end, and keep nobody out.</summary>
public sealed class BadPeerTests
{
    // A stranger's time for its first message, and a host's for its HELLO (P-52); and until when whoever had no more of it must be gone.
    private const int StrangerMs = 5_000, GoneMs = 25_000, IdsFrameBytes = WireLimits.IdsMax * CellId.Size;

    [Fact]
    [Trait("Spec", "P-52")]
    public void Silent_peers_and_garbage_keep_no_paired_host_out()
    {
        using var pod = new ServedPod();
        List<Socket> peers = [];
        for (int i = 0; i < 40; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            socket.Connect(pod.Server.Address);
            peers.Add(socket);
            if (i % 2 == 1)
                Send(socket, [22, 3, 1, 5, 0, 1]);      // the beginning of a ClientHello that never comes
        }
        var since = Stopwatch.StartNew();
        using WireHost host = pod.Connect();
        host.Open();
        // Who waited for one of the forty would have waited for its time.
        Assert.True(since.ElapsedMilliseconds < StrangerMs, $"{since.ElapsedMilliseconds} ms");
        foreach (Socket socket in peers.TakeLast(8))
            Send(socket, RandomNumberGenerator.GetBytes(3000));
        foreach (Socket socket in peers)
            Assert.True(IsEnded(socket), "a silent peer was kept for more than its time");
        Assert.Equal(CellStatus.Ok, host.Get(CellWant.Both, pod.Cells().Now[0])[0].Status);
        peers.ForEach(s => s.Dispose());
    }

    [Fact]
    [Trait("Spec", "P-53")]
    public void Twenty_links_at_once_those_for_which_there_is_memory_work_and_the_others_end()
    {
        using var pod = new ServedPod();
        long locked = LockedKiB();
        var hosts = new WireHost?[20];
        Parallel.For(0, hosts.Length, new ParallelOptions { MaxDegreeOfParallelism = hosts.Length }, i =>
        {
            try
            {
                var pairing = pod.PairSafely();
                hosts[i] = new WireHost(pod.Server.Address, pairing);
            }
            catch (VmPodException e) when (e.ExitCode is ExitCode.LinkLost or ExitCode.Refused)
            {
                // Sent away.
            }
        });
        WireHost[] there = [.. hosts.OfType<WireHost>().Where(h => h.Link.Failure is null)];
        Assert.InRange(there.Length, 1, PodLimits.LinksMax);
        foreach (WireHost host in there)
            Assert.NotEmpty(host.Link.Call(new FindRequest { Name = ServedPod.Session }, WireHost.Patience).Generations);
        Assert.True(LockedKiB() - locked <= 64 * 1024, $"{LockedKiB() - locked} KiB");
        foreach (WireHost? host in hosts)
            host?.Dispose();
        ServeTests.Until(() => pod.Server.State.Links == 0);
        // A link is not counted any more a moment before its memory is given back.
        ServeTests.Until(() => LockedKiB() - locked <= 1024, "the memory of links was kept");
    }

    [Fact]
    [Trait("Spec", "P-53")]
    public void One_host_has_at_most_its_share_of_the_links()
    {
        using var pod = new ServedPod();
        var pairing = pod.Pair();
        var links = new List<WireHost>();
        for (int i = 0; i < PodLimits.LinksOfOneHostMax; i++)
            links.Add(new WireHost(pod.Server.Address, pairing));
        Assert.Throws<VmPodException>(() => new WireHost(pod.Server.Address, pairing));
        using WireHost other = pod.Connect();
        links.ForEach(l => l.Dispose());
    }

    [Fact]
    [Trait("Spec", "P-52")]
    public void A_paired_host_that_sends_a_frame_of_2_GB_or_stalls_ends_alone()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        var bad = pod.Pair();
        using (SecureChannel channel = SecureChannel.Connect(pod.Server.Address, bad))
        {
            channel.Stream.Write([0x80, 0, 0, 0, 1, 0, 0, 0, 0]);
            Assert.True(Ends(channel), "a frame of 2 GB was waited for");
        }
        using (SecureChannel channel = SecureChannel.Connect(pod.Server.Address, bad))
            Assert.True(Ends(channel), "a host that says nothing was kept");
        Assert.NotEmpty(host.Link.Call(new FindRequest { Name = ServedPod.Session }, WireHost.Patience).Generations);
    }

    [Fact]
    [Trait("Spec", "P-53")]
    public void Hostile_peers_paired_or_not_cost_a_server_less_than_64_MiB()
    {
        using var pod = new ServedPod();
        using (WireHost first = pod.Connect())
            first.Open();       // what is made once is made
        ServeTests.Until(() => pod.Server.State.Links == 0);
        long before = ServerMemory();
        // One paired host with all the links it may have: each names 32,768 ids for a commit that never comes.
        var pairing = pod.Pair();
        List<SecureChannel> hostile = [];
        for (int i = 0; i < PodLimits.LinksOfOneHostMax; i++)
            hostile.Add(Hostile(pod, pairing));
        for (int i = 0; i < 100; i++)
        {
            using var stranger = new Socket(SocketType.Stream, ProtocolType.Tcp);
            stranger.Connect(pod.Server.Address);
            Send(stranger, RandomNumberGenerator.GetBytes(2000));
        }
        long more = ServerMemory() - before;
        hostile.ForEach(h => h.Abort());
        TestContext.Current.TestOutputHelper?.WriteLine($"{more >> 20} MiB");
        Assert.True(more < 64L << 20, $"{more >> 20} MiB");
    }

    [Fact]
    [Trait("Spec", "P-73")]
    public void Paired_hosts_that_collect_ids_on_every_link_stay_below_64_MiB_and_keep_nobody_from_a_commit()
    {
        // With the bound of a link alone, six links that fill it are beyond 64 MiB.
        Assert.True(PodLimits.LinksMax * (WireLimits.CollectedIdBytesMax + 8L * 1024 * 1024) > 64L << 20);
        using var pod = new ServedPod();
        CommitOnce(pod);        // what is made once is made, on both sides
        ServeTests.Until(() => pod.Server.State.Links == 0);
        long before = ServerMemory();
        var pairings = Enumerable.Range(0, 4).Select(_ => pod.Pair()).ToList();
        List<SecureChannel> hostile = [];
        try
        {
            // One fills what is shared, the others what is their own: the most that can be held. Then these want more as well.
            for (int i = 0; i < PodLimits.LinksMax - 1; i++)
                hostile.Add(Hostile(pod, pairings[i % pairings.Count], 0, (i == 0 ? WireLimits.CollectedIdBytesMax : WireLimits.OwnIdBytes) / IdsFrameBytes));
            ServeTests.Until(() => pod.Server.SharedIds.Taken == WireLimits.SharedIdBytes);
            long held = ServerMemory() - before;
            foreach (SecureChannel channel in hostile.Skip(1))
                SendIds(channel, WireLimits.OwnIdBytes / IdsFrameBytes, 4);
            CommitOnce(pod);
            // Without what the host itself held for its commit: it is a process of its own elsewhere.
            ServeTests.Until(() => pod.Server.State.Links == PodLimits.LinksMax - 1);
            long more = ServerMemory() - before;
            TestContext.Current.TestOutputHelper?.WriteLine($"{held >> 20} MiB held, {more >> 20} MiB after a commit");
            Assert.True(held < 64L << 20 && more < 64L << 20, $"{held >> 20} and {more >> 20} MiB");
        }
        finally
        {
            hostile.ForEach(h => h.Abort());
        }
        ServeTests.Until(() => pod.Server.SharedIds.Taken == 0 && pod.Server.State.Links == 0);
    }

    [Fact]
    [Trait("Spec", "P-54")]
    public void A_cell_that_is_not_the_lease_s_is_refused_and_the_link_goes_on()
    {
        using var pod = new ServedPod();
        using WireHost host = pod.Connect();
        host.Open();
        byte[] cell = new byte[host.CellBytes];
        new CellHeader(1, host.CellBytes, host.Lease!.LeaseId + 1).WriteTo(cell);
        host.Link.PutCell(cell);
        Assert.Equal(ExitCode.Refused, Assert.Throws<VmPodException>(() => host.Link.Flush(WireHost.Patience)).ExitCode);
        host.Link.Call(RenewRequest.Instance, WireHost.Patience);
    }

    // A method of its own, so that nothing of the host lives on in a local.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void CommitOnce(ServedPod pod)
    {
        using WireHost host = pod.Connect();
        using SessionLease lease = host.Resume();
        File.WriteAllBytes(pod.Temp["files", "a"], RandomNumberGenerator.GetBytes(300_000));
        SnapshotWriter.Put(lease, [pod.Temp["files"]], "remote", null, TestContext.Current.CancellationToken);
        lease.Close();
    }

    // Of this process, which is server and peers: what lives after a collection, and locked memory.
    private static long ServerMemory()
    {
        for (int i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        return GC.GetTotalMemory(forceFullCollection: true) + LockedKiB() * 1024;
    }

    // HELLO and 1 MiB of ids by hand, then silence.
    private static SecureChannel Hostile(ServedPod pod, Sync.Channel.Pairings.Pairing pairing, int from = 0, int frames = 4)
    {
        SecureChannel channel = SecureChannel.Connect(pod.Server.Address, pairing);
        var hello = new HostHello { BootId = 7, TimeMs = 1, DisplayName = "" };
        Frame(channel, WireType.Hello, hello.BodyBytes, hello.WriteTo);
        SendIds(channel, from, frames);
        return channel;
    }

    private static void SendIds(SecureChannel channel, int from, int frames)
    {
        for (int part = from; part < from + frames; part++)
        {
            var ids = new IdsMessage { Dropped = false, Ids = [.. Enumerable.Range(0, WireLimits.IdsMax).Select(i => Id(part * WireLimits.IdsMax + i))] };
            Frame(channel, WireType.Ids, ids.BodyBytes, ids.WriteTo);
        }
    }

    private static CellId Id(int number)
    {
        byte[] bytes = new byte[CellId.Size];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes, number);
        return CellId.ReadFrom(bytes);
    }

    private static void Frame(SecureChannel channel, WireType type, int bodyBytes, WriteBody write)
    {
        byte[] frame = new byte[WireLimits.HeaderBytes + bodyBytes];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(frame, WireLimits.CountedHeaderBytes + bodyBytes);
        frame[4] = (byte)type;
        write(frame.AsSpan(WireLimits.HeaderBytes));
        channel.Stream.Write(frame);
    }

    private delegate void WriteBody(Span<byte> body);

    private static void Send(Socket socket, byte[] bytes)
    {
        try
        {
            socket.Send(bytes);
        }
        catch (SocketException)
        {
            // Made room for another already.
        }
    }

    private static bool IsEnded(Socket socket)
    {
        socket.ReceiveTimeout = GoneMs;
        try
        {
            byte[] some = new byte[64];
            while (socket.Receive(some) > 0)
            {
                // An alert.
            }
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode is not (SocketError.TimedOut or SocketError.WouldBlock);
        }
    }

    private static bool Ends(SecureChannel channel)
    {
        channel.Stream.ReadTimeout = 2 * GoneMs;
        var since = Stopwatch.StartNew();
        byte[] some = new byte[4096];
        try
        {
            while (channel.Stream.Read(some) > 0 && since.ElapsedMilliseconds < GoneMs)
            {
                // Its HELLO, a BYE.
            }
        }
        catch (VmPodException)
        {
            // Cut.
        }
        return since.ElapsedMilliseconds < GoneMs;
    }

    private static long LockedKiB() => long.Parse(File.ReadLines("/proc/self/status").Single(l => l.StartsWith("VmLck:", StringComparison.Ordinal))
        .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture);
}
