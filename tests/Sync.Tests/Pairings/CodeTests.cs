using System.Diagnostics;
using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Tests.Channel;
using Xunit;

namespace VmPod.Sync.Tests.Pairings;

public sealed class CodeTests
{
    [Fact]
    [Trait("Spec", "S-40")]
    [Trait("Spec", "S-42")]
    [Trait("Spec", "S-50")]
    [Trait("Spec", "S-51")]
    [Trait("Spec", "S-52")]
    [Trait("Spec", "S-53")]
    public async Task Whoever_has_the_code_is_paired_and_can_then_open_a_channel()
    {
        var log = new TestLog();
        using PairingDesk desk = PairingDesk.ByCode(HostRole.Foreign, "Pod of Ana\u001b[2J", "10.0.0.2:7410", log);
        var (host, pod, hostError, podError) = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "  workstation\n"));
        Assert.Equal((null, null), (hostError, podError));
        using (host)
        using (pod)
        {
            Assert.True(host!.Psk.FixedTimeEquals(pod!.Psk));
            Assert.Equal((host.Id, host.Role, host.Created), (pod.Id, pod.Role, pod.Created));
            Assert.Equal(("Pod of Ana?[2J", "workstation?", HostRole.Foreign), (host.PeerName, pod.PeerName, host.Role));
            Assert.Equal([PairingEventKind.Opened, PairingEventKind.Attempt, PairingEventKind.Paired], log.Kinds);
            Assert.Equal((host.Id, 2), (log.Last.PairingId, log.Last.TriesLeft));
            (Socket near, Socket far) = Loopback.Pair();
            Task<SecureChannel> accepted = Task.Run(() => SecureChannel.Accept(far, [pod]), TestContext.Current.CancellationToken);
            using SecureChannel channel = SecureChannel.Connect(near, host);
            using SecureChannel other = await accepted;
            Assert.Equal(host.Id, other.PairingId);
        }
    }

    [Fact]
    [Trait("Spec", "S-173")]
    public async Task A_host_and_a_pod_that_wants_a_mirror_are_each_paired_with_a_desk_of_their_own_kind_only()
    {
        foreach (HostRole role in (HostRole[])[HostRole.Home, HostRole.Foreign, HostRole.Mirror])
        {
            foreach (bool asMirror in (bool[])[false, true])
            {
                var log = new TestLog();
                using PairingDesk desk = PairingDesk.ByCode(role, "pod", "", log), digits = PairingDesk.ByDigits(role, "pod", Desk.Yes, log);
                var byCode = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "other", asMirror: asMirror));
                var byDigits = await Desk.Attempt(digits, s => PairingHost.ByDigits(s, Desk.Yes, "other", asMirror: asMirror));
                foreach (var (host, pod, hostError, podError) in new[] { byCode, byDigits })
                {
                    using (host)
                    using (pod)
                    {
                        bool isRight = (role == HostRole.Mirror) == asMirror;
                        Assert.Equal((isRight, isRight), (host is not null, pod is not null));
                        Assert.Equal(isRight ? (null, null) : (ExitCode.Refused, (ExitCode?)ExitCode.LinkLost), (Desk.Code(hostError), Desk.Code(podError)));
                        Assert.True(isRight ? host!.Role == role : hostError!.Message.Contains("was opened for", StringComparison.Ordinal));
                    }
                }
                Assert.False(desk.IsOpen || digits.IsOpen);
            }
        }
    }

    [Fact]
    [Trait("Spec", "S-51")]
    public async Task Two_pairings_by_the_same_secret_would_still_have_different_keys()
    {
        using SecretBuffer secret = SecretBuffer.Random(32);
        using Pairing first = await Agreed(secret), second = await Agreed(secret);
        Assert.False(first.Psk.FixedTimeEquals(second.Psk));
        Assert.NotEqual(first.Id, second.Id);
    }

    [Fact]
    [Trait("Spec", "S-40")]
    public async Task Three_wrong_codes_close_the_desk_and_then_the_right_one_is_refused()
    {
        var log = new TestLog();
        using PairingDesk desk = PairingDesk.ByCode(HostRole.Home, "pod", "", log);
        for (int tries = 2; tries >= 0; tries--)
        {
            using PairingCode wrong = Desk.Other();
            var (_, _, hostError, podError) = await Desk.Attempt(desk, s => PairingHost.ByCode(s, wrong, "host"));
            Assert.Equal((ExitCode.Refused, ExitCode.Refused), (Desk.Code(hostError), Desk.Code(podError)));
            Assert.Equal((PairingEventKind.Refused, tries), (log.Last.Kind, log.Last.TriesLeft));
        }
        Assert.False(desk.IsOpen);
        var (host, _, _, late) = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "host"));
        Assert.Null(host);
        Assert.Equal((ExitCode.Refused, PairingEventKind.Late), (Desk.Code(late), log.Last.Kind));
        Assert.Contains("podkeeper pair", ((VmPodException)late!).Hint, StringComparison.Ordinal);
        for (int i = 0; i < 10; i++)
            await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "host"));
        Assert.Equal(3, log.Kinds.Count(k => k == PairingEventKind.Late));
    }

    [Theory]
    [InlineData(299, true)]
    [InlineData(300, false)]
    [InlineData(-300, false)]
    [Trait("Spec", "S-40")]
    public async Task A_code_is_good_for_five_minutes_by_both_of_the_pods_clocks(int seconds, bool good)
    {
        var time = new ManualTime();
        var log = new TestLog();
        using PairingDesk desk = PairingDesk.ByCode(HostRole.Home, "pod", "", log, new ChannelOptions { Time = time });
        // The wall clock alone: the pod slept, or its clock was set back.
        time.Now = time.Now.AddSeconds(seconds);
        var (host, pod, _, error) = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "host"));
        Assert.Equal(good, host is not null && pod is not null);
        Assert.Equal(good ? null : ExitCode.Refused, Desk.Code(error));
        host?.Dispose();
        pod?.Dispose();
    }

    [Fact]
    [Trait("Spec", "S-40")]
    public async Task A_code_is_old_by_the_clock_that_cannot_be_set_too()
    {
        var time = new ManualTime();
        using PairingDesk desk = PairingDesk.ByCode(HostRole.Home, "pod", "", new TestLog(), new ChannelOptions { Time = time });
        time.Pass(TimeSpan.FromMinutes(5));
        time.Now -= TimeSpan.FromMinutes(5);
        var (_, _, _, error) = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "host"));
        Assert.Equal(ExitCode.Refused, Desk.Code(error));
    }

    [Fact]
    [Trait("Spec", "S-40")]
    [Trait("Spec", "S-52")]
    public async Task A_code_works_once()
    {
        var log = new TestLog();
        using PairingDesk desk = PairingDesk.ByCode(HostRole.Home, "pod", "", log);
        var first = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "host"));
        Assert.NotNull(first.Pod);
        var second = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "thief"));
        Assert.Equal((null, ExitCode.Refused, PairingEventKind.Late), (second.Pod, Desk.Code(second.PodError), log.Last.Kind));
        first.Host!.Dispose();
        first.Pod!.Dispose();
    }

    [Fact]
    [Trait("Spec", "S-42")]
    public async Task A_recorded_pairing_cannot_be_played_to_a_pod_that_still_takes_the_secret()
    {
        using SecretBuffer secret = SecretBuffer.Random(32);
        using var relay = new Relay();
        // Through the relay it works: what is played afterwards was right once.
        (await Agreed(secret, (relay.Host, relay.Pod))).Dispose();
        (Socket thief, Socket pod) = Loopback.Pair();
        Task<VmPodException?> again = Task.Run(() => Ends.End(() => AsPod(pod, secret)), TestContext.Current.CancellationToken);
        await relay.ReplayAsync(thief);
        Assert.Equal(ExitCode.Refused, (await again)?.ExitCode);
        thief.Dispose();
    }

    [Fact]
    [Trait("Spec", "S-52")]
    public async Task If_the_log_cannot_be_written_nothing_is_paired()
    {
        foreach (PairingEventKind kind in (PairingEventKind[])[PairingEventKind.Attempt, PairingEventKind.Paired])
        {
            using PairingDesk desk = PairingDesk.ByCode(HostRole.Home, "pod", "", new TestLog(kind));
            var (host, pod, hostError, podError) = await Desk.Attempt(desk, s => PairingHost.ByCode(s, desk.Code!, "host"));
            Assert.Equal((null, null), (host, pod));
            Assert.IsType<IOException>(podError);
            Assert.Equal(ExitCode.LinkLost, Desk.Code(hostError));
        }
        Assert.Throws<IOException>(() => PairingDesk.ByCode(HostRole.Home, "pod", "", new TestLog(PairingEventKind.Opened)));
    }

    [Fact]
    [Trait("Spec", "S-26")]
    [Trait("Spec", "S-40")]
    public async Task A_silent_host_costs_one_try_and_five_seconds_and_a_second_host_is_told_to_wait()
    {
        var log = new TestLog();
        using PairingDesk desk = PairingDesk.ByDigits(HostRole.Home, "pod", Desk.Yes, log);
        (Socket silent, Socket server) = Loopback.Pair();
        long started = Stopwatch.GetTimestamp();
        Task<VmPodException> first = Task.Run(() => Assert.Throws<VmPodException>(() => desk.Accept(server)), TestContext.Current.CancellationToken);
        while (!log.Kinds.Contains(PairingEventKind.Attempt))
            await Task.Delay(5, TestContext.Current.CancellationToken);
        var (_, _, _, second) = await Desk.Attempt(desk, s => PairingHost.ByDigits(s, Desk.Yes, "host"));
        Assert.Equal(ExitCode.Busy, Desk.Code(second));
        Assert.Equal(ExitCode.LinkLost, (await first).ExitCode);
        // Not before its five seconds; how long after is the machine's: without the limit it would be never.
        Assert.InRange(Stopwatch.GetElapsedTime(started).TotalSeconds, 4.9, 60);
        Assert.Equal((PairingEventKind.Lost, 2), (log.Last.Kind, log.Last.TriesLeft));
        silent.Dispose();
    }

    private static SecureChannel AsPod(Socket socket, SecretBuffer secret)
    {
        using var directory = new PskDirectory([new PskEntry([PairingKeys.Identity(secret)], PairingKeys.TlsKey(secret))]);
        return SecureChannel.AsServer(socket, directory, static _ => 0, ChannelOptions.Default, ChannelExporter.Pairing);
    }

    private static async Task<Pairing> Agreed(SecretBuffer secret, (Socket Host, Socket Pod)? link = null)
    {
        (Socket near, Socket far) = link ?? Loopback.Pair();
        Task<Pairing> pod = Task.Run(() =>
        {
            using SecureChannel channel = AsPod(far, secret);
            return PairingAgreement.AsPod(channel, PairingWay.Code, HostRole.Home, "pod", DateTimeOffset.UnixEpoch, static _ => { });
        });
        using SecretBuffer key = PairingKeys.TlsKey(secret);
        using SecureChannel host = SecureChannel.AsClient(near, PairingKeys.Identity(secret), key, 0, ChannelOptions.Default, ChannelExporter.Pairing);
        using Pairing own = PairingAgreement.AsHost(host, PairingWay.Code, "host");
        Pairing paired = await pod;
        Assert.True(own.Psk.FixedTimeEquals(paired.Psk));
        return paired;
    }
}
