using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Tests.Channel;
using Xunit;

namespace VmPod.Sync.Tests.Pairings;

public sealed class DigitsTests
{
    [Fact]
    [Trait("Spec", "S-43")]
    [Trait("Spec", "S-47")]
    public async Task Both_screens_show_the_same_digits_and_two_yes_make_a_pairing()
    {
        int shownByPod = -1, shownByHost = -2;
        var log = new TestLog();
        using PairingDesk desk = PairingDesk.ByDigits(HostRole.Home, "pod", (digits, _) => (shownByPod = digits) >= 0, log);
        var (host, pod, hostError, podError) = await Desk.Attempt(desk, s => PairingHost.ByDigits(s, (digits, _) => (shownByHost = digits) >= 0, "host"));
        Assert.Equal((null, null), (hostError, podError));
        using (host)
        using (pod)
        {
            Assert.Equal(shownByPod, shownByHost);
            Assert.InRange(shownByPod, 0, 999_999);
            Assert.True(host!.Psk.FixedTimeEquals(pod!.Psk));
            Assert.Equal((host.Id, HostRole.Home, "pod", "host"), (pod.Id, host.Role, host.PeerName, pod.PeerName));
            Assert.Equal((PairingEventKind.Paired, PairingWay.Digits), (log.Last.Kind, log.Last.Way));
        }
        Assert.Equal("000 042", DigitsText.Of(42));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [Trait("Spec", "S-47")]
    public async Task One_no_on_either_side_and_neither_side_has_a_pairing(bool host, bool pod)
    {
        var log = new TestLog();
        using PairingDesk desk = PairingDesk.ByDigits(HostRole.Home, "pod", pod ? Desk.Yes : Desk.No, log);
        var (hostPairing, podPairing, hostError, podError) = await Desk.Attempt(desk, s => PairingHost.ByDigits(s, host ? Desk.Yes : Desk.No, "host"));
        Assert.Equal((null, null), (hostPairing, podPairing));
        Assert.Equal((ExitCode.Refused, ExitCode.Refused), (Desk.Code(hostError), Desk.Code(podError)));
        Assert.Equal((PairingEventKind.Refused, 2), (log.Last.Kind, log.Last.TriesLeft));
    }

    [Fact]
    [Trait("Spec", "S-47")]
    public async Task A_yes_that_comes_too_late_is_a_no()
    {
        var time = new SkippingTime();
        using PairingDesk desk = PairingDesk.ByDigits(HostRole.Home, "pod", (_, timeUp) => timeUp.WaitHandle.WaitOne(5000), new TestLog(),
            new ChannelOptions { Time = time });
        var (host, pod, hostError, podError) = await Desk.Attempt(desk, s => PairingHost.ByDigits(s, Desk.Yes, "host"));
        Assert.Equal((null, null), (host, pod));
        Assert.Equal((ExitCode.Refused, ExitCode.Refused), (Desk.Code(hostError), Desk.Code(podError)));
    }

    [Fact]
    [Trait("Spec", "S-43")]
    [Trait("Threat", "T-28")]
    public async Task Somebody_in_the_middle_is_paired_with_both_if_nobody_compares_and_with_none_if_they_do()
    {
        // Without the comparison the attack works: the middle plays a pod to the host and a host to the pod.
        using (PairingDesk desk = PairingDesk.ByDigits(HostRole.Home, "pod", Desk.Yes, new TestLog()))
        {
            var (stolenFromHost, stolenFromPod, victim, pod) = await InTheMiddle(desk, Desk.Yes);
            Assert.True(stolenFromHost!.Psk.FixedTimeEquals(victim!.Psk) && stolenFromPod!.Psk.FixedTimeEquals(pod!.Psk));
        }
        int podDigits = -1;
        using (PairingDesk desk = PairingDesk.ByDigits(HostRole.Home, "pod", (d, _) => (podDigits = d) >= 0, new TestLog()))
        {
            // The host's person looks at the pod's screen first.
            var (stolenFromHost, _, victim, _) = await InTheMiddle(desk, (d, _) => SpinWait.SpinUntil(() => podDigits >= 0, 3000) && d == podDigits);
            Assert.Equal((null, null), (stolenFromHost, victim));
        }
    }

    [Fact]
    [Trait("Spec", "S-46")]
    public async Task The_first_messages_of_a_recorded_pairing_lead_nowhere_even_if_the_person_says_yes()
    {
        byte[] hello, reveal;
        using (var host = new DigitsHost())
        using (var pod = new DigitsPod())
        {
            hello = host.Hello;
            Assert.True(pod.TryReply(hello, out byte[] reply));
            Assert.True(host.TryReveal(reply, out reveal));
            Assert.True(pod.TryFinish(reveal));
            using SecretBuffer a = host.Secret(), b = pod.Secret();
            // Unrecorded it is right.
            Assert.True(a.FixedTimeEquals(b) && host.Digits == pod.Digits);
        }
        using PairingDesk desk = PairingDesk.ByDigits(HostRole.Home, "pod", Desk.Yes, new TestLog());
        var (_, podPairing, _, error) = await Desk.Attempt(desk, socket =>
        {
            socket.Send(hello);
            byte[] reply = new byte[DigitsFormat.ReplyBytes];
            for (int n = 0; n < reply.Length;)
                n += socket.Receive(reply.AsSpan(n));
            socket.Send([.. reveal, DigitsFormat.Same]);
            // It has none of the keys of the recording, so whatever it says now is a guess.
            using SecretBuffer guess = SecretBuffer.Random(32);
            using SecretBuffer key = PairingKeys.TlsKey(guess);
            _ = socket.Receive(new byte[1]);
            using var channel = SecureChannel.AsClient(socket, PairingKeys.Identity(guess), key, 0, ChannelOptions.Default);
            throw new InvalidOperationException("The replay was let in.");
        });
        Assert.Equal((null, ExitCode.Refused), (podPairing, Desk.Code(error)));
    }

    [Fact]
    [Trait("Spec", "S-44")]
    [Trait("Spec", "S-45")]
    public void Messages_that_are_not_whole_or_not_as_committed_or_hold_no_keys_are_refused()
    {
        using var host = new DigitsHost();
        using var good = new DigitsPod();
        Assert.True(good.TryReply(host.Hello, out byte[] reply));
        Assert.True(host.TryReveal(reply, out byte[] reveal));
        Assert.Equal((1252, 1156, 36), (host.Hello.Length, reply.Length, reveal.Length));
        byte[] other = (byte[])reveal.Clone();
        other[^1] ^= 1;
        Assert.False(good.TryFinish(other));
        Assert.True(good.TryFinish(reveal));
        using var pod = new DigitsPod();
        Assert.False(pod.TryReply(host.Hello.AsSpan(0, 1251), out _));
        Assert.False(pod.TryReply([.. host.Hello, 0], out _));
        Assert.False(pod.TryReply(Changed(host.Hello, 3, 1, (byte)'X'), out _));
        // Coefficients of an ML-KEM key that are not reduced; the X25519 point of order one.
        Assert.False(pod.TryReply(Changed(host.Hello, 4, 384, 0xFF), out _));
        Assert.False(pod.TryReply(Changed(host.Hello, 4 + 1184, 32, 0), out _));
        Assert.False(host.TryReveal(Changed(reply, 4 + 1088, 32, 0), out _));
        Assert.False(host.TryReveal(reply.AsSpan(1), out _));
    }

    private static byte[] Changed(byte[] message, int offset, int length, byte value)
    {
        byte[] changed = (byte[])message.Clone();
        changed.AsSpan(offset, length).Fill(value);
        return changed;
    }

    private static async Task<(Pairing? FromHost, Pairing? FromPod, Pairing? Victim, Pairing? Pod)> InTheMiddle(PairingDesk pod, DigitsQuestion victimAsks)
    {
        using PairingDesk falsePod = PairingDesk.ByDigits(HostRole.Home, "pod", Desk.Yes, new TestLog());
        Task<(Pairing? Host, Pairing? Pod, Exception?, Exception?)> toPod = Desk.Attempt(pod, s => PairingHost.ByDigits(s, Desk.Yes, "host"));
        (Pairing? victim, Pairing? fromHost, _, _) = await Desk.Attempt(falsePod, s => PairingHost.ByDigits(s, victimAsks, "host"));
        (Pairing? fromPod, Pairing? podPairing, _, _) = await toPod;
        return (fromHost, fromPod, victim, podPairing);
    }

    /// <summary>Timers of a minute end at once.</summary>
    private sealed class SkippingTime : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            base.CreateTimer(callback, state, dueTime / 600, period);
    }
}
