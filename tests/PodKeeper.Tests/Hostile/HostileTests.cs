using System.Diagnostics;
using System.Globalization;
using VmPod.PodKeeper.Tests.Cuts;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using Xunit;

namespace VmPod.PodKeeper.Tests.Hostile;

/// <summary>
/// A peer that proved who it is and then says what it likes (SECURITY.md, R10): each message, each field, zero, largest, one more, one less, a bit; frames
/// dropped, doubled, swapped, said again later, taken from another session; then two and three such changes at once, by a seed. Each leaves a vault that is
/// whole, the session where it stood or where its lease signed that it is, and nobody waiting. VMPOD_SOAK=60 takes 120,000.
/// </summary>
public sealed class HostileTests
{
    private const int Seed = 20261123, HostTranscripts = 400, PodTranscripts = 1_600, RunsOfOnePod = 256, HonestEach = 32;

    // SECURITY.md, R10: for one transcript, all that was allocated in it on both sides, given back or not.
    private const long BytesMax = 64L << 20;

    // R10 allows 5 s. What hangs here hangs for good, for no clock of these links moves; and a core may be away from a transcript for a second.
    private static readonly TimeSpan TimeMax = TimeSpan.FromSeconds(30);

    [Fact]
    [Trait("Spec", "P-47")]
    [Trait("Threat", "T-13")]
    [Trait("Threat", "T-29")]
    public void A_host_that_says_what_it_likes_leaves_the_pod_as_it_was_or_as_its_lease_signed()
    {
        int target = HostTranscripts * Soak.Rounds, tried = 0, taken = 0, honest = 0, leases = 0;
        long most = 0;
        TimeSpan slowest = default;
        var random = new Seeded(Seed);
        List<(bool IsOpening, Attack Attack)>? singles = null;
        var since = Stopwatch.StartNew();
        while (tried < target)
        {
            using var pod = new ServedPod(inRam: true);
            HostileHost host = new(pod, Name(leases++));
            singles ??= Spread([.. Attack.All(host.Honest, WireRole.Host, host.Others.Count).Select(a => (false, a)),
                .. Attack.All([.. host.OpenTranscript()], WireRole.Host, host.Others.Count).Select(a => (true, a))], target);
            for (int i = 0; i < RunsOfOnePod && tried < target; i++, tried++)
            {
                (bool isOpening, Attack[] attacks) = Next(singles, tried, ref random);
                try
                {
                    long before = GC.GetTotalAllocatedBytes();
                    if (isOpening)
                        host.Open(attacks);
                    else
                        taken += host.Sync(attacks) ? 1 : 0;
                    most = Math.Max(most, GC.GetTotalAllocatedBytes() - before);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    throw new InvalidOperationException($"transcript {tried} ({string.Join(", ", attacks)}): {e.Message}", e);
                }
                slowest = host.Slowest > slowest ? host.Slowest : slowest;
                if (!host.IsOpen)
                {
                    // It ended its own lease. What was committed before stays.
                    host.CheckPod();
                    host.End();
                    host = new(pod, Name(leases++));
                }
                else if (i % HonestEach == 0)
                {
                    Assert.True(host.Sync([]), $"after transcript {tried} the pod takes no honest commit");
                    honest++;
                }
            }
            host.CheckPod();
            host.End();
        }
        Say(tried, singles!.Count, since.Elapsed, slowest, most, $"{taken} commits taken, {leases} leases");
        Assert.True(slowest < TimeMax && most < BytesMax, $"{slowest}, {most >> 20} MiB");
        // Neither too wild nor too tame.
        Assert.InRange(taken, tried / 50, tried * 49 / 50);
        Assert.True(honest > 0);
    }

    [Fact]
    [Trait("Spec", "S-72")]
    [Trait("Spec", "V-80")]
    [Trait("Threat", "T-29")]
    public void A_pod_that_says_what_it_likes_makes_its_host_read_what_was_written_or_nothing()
    {
        using var pod = new ServedPod(inRam: true);
        byte[] truth = File.ReadAllBytes(pod.Temp["files", "a"])[..FormatLimits.ChunkBytes];
        using var guest = new GuestOfPod(ServedPod.Session, pod.Server.Look(p => p.Vault.OwnerPublicKey!).AsSpan());
        var resumed = new CutWire();
        using (var links = new HostLinks(pod))
        {
            _ = links.Serve(resumed);
            guest.Resume(resumed.Host, resumed.Cut);
        }
        Assert.Equal(truth, guest.Content);
        int asked = guest.Answered;
        var synced = new CutWire();
        CutHost host = new(pod);
        GuestOfPod.Prepared what = host.Prepare();
        host.Lend(synced, () => guest.Sync(synced.Host, synced.Cut, what));
        host.End();
        int synchronised = guest.Answered;

        (List<byte[]> Frames, List<int> Heard)[] said = [HostilePod.Recorded(resumed), HostilePod.Recorded(synced)];
        List<byte[]> others = [.. said[0].Frames, .. said[1].Frames, WireFrames.Of(WireType.Bye, 0, []), WireFrames.Of(RenewRequest.Instance, 3)];
        // What was recorded is good: said again as it was, it is taken.
        Go(guest, said, 0, [], others, what);
        Assert.Equal(truth, guest.Content);
        Assert.Equal(asked, guest.Answered);
        Go(guest, said, 1, [], others, what);
        Assert.Equal(synchronised, guest.Answered);

        int target = PodTranscripts * Soak.Rounds, read = 0, refused = 0;
        long most = 0;
        TimeSpan slowest = default;
        var random = new Seeded(Seed);
        List<(bool, Attack)> singles = [.. Found(said[0].Frames, said[1].Frames),
            .. Spread([.. Attack.All(said[0].Frames, WireRole.Pod, others.Count).Select(a => (false, a)),
                .. Attack.All(said[1].Frames, WireRole.Pod, others.Count).Select(a => (true, a))], target)];
        var since = Stopwatch.StartNew();
        for (int tried = 0; tried < target; tried++)
        {
            (bool isSync, Attack[] attacks) = Next(singles, tried, ref random);
            try
            {
                long before = GC.GetTotalAllocatedBytes(), began = Stopwatch.GetTimestamp();
                Go(guest, said, isSync ? 1 : 0, attacks, others, what);
                TimeSpan took = Stopwatch.GetElapsedTime(began);
                slowest = took > slowest ? took : slowest;
                most = Math.Max(most, GC.GetTotalAllocatedBytes() - before);
                Assert.True(isSync || guest.Content is null || guest.Content.AsSpan().SequenceEqual(truth), "the host read what nobody wrote");
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                throw new InvalidOperationException($"transcript {tried} ({string.Join(", ", attacks)}): {e.Message}", e);
            }
            if (!isSync)
                _ = guest.Content is null ? refused++ : read++;
        }
        Say(target, singles.Count, since.Elapsed, slowest, most, $"{read} read, {refused} refused");
        Assert.True(slowest < TimeMax && most < BytesMax, $"{slowest}, {most >> 20} MiB");
        Assert.InRange(refused, (read + refused) / 10, (read + refused) * 99 / 100);
    }

    private static void Go(GuestOfPod guest, (List<byte[]> Frames, List<int> Heard)[] said, int which, Attack[] attacks, IReadOnlyList<byte[]> others,
        GuestOfPod.Prepared what)
    {
        List<byte[]> frames = [.. said[which].Frames];
        foreach (Attack attack in attacks)
            attack.Apply(frames, WireRole.Pod, others);
        using var peer = new HostilePod(frames, said[which].Heard);
        if (which == 0)
            guest.Resume(peer, peer.Cut);
        else
            guest.Sync(peer, peer.Cut, what);
    }

    // What was found with this test, each time: numbers of a LEASE, and offsets of LEASE and COMMITTED, that a host could not count on from.
    private static IEnumerable<(bool, Attack)> Found(List<byte[]> resumed, List<byte[]> synced)
    {
        int lease = resumed.FindIndex(f => f[4] == (byte)WireType.Lease), committed = synced.FindIndex(f => f[4] == (byte)WireType.Committed);
        Assert.True(lease > 0 && committed > 0);
        return [(false, new(AttackKind.Max, lease, 9)), (false, new(AttackKind.Max, lease, 10)), (false, new(AttackKind.Max, lease, 14)),
            (true, new(AttackKind.Max, committed, 4))];
    }

    // First all with one change; if that is more than there is time for, as many of them, evenly.
    private static List<(bool, Attack)> Spread(List<(bool, Attack)> all, int most) =>
        all.Count <= most ? all : [.. Enumerable.Range(0, most).Select(i => all[(int)((long)i * all.Count / most)])];

    private static (bool Which, Attack[] Attacks) Next(List<(bool Which, Attack Attack)> singles, int number, ref Seeded random)
    {
        if (number < singles.Count)
            return (singles[number].Which, [singles[number].Attack]);
        var attacks = new Attack[2 + random.Below(2)];
        for (int i = 0; i < attacks.Length; i++)
            attacks[i] = Attack.Any(ref random);
        return (random.Below(3) == 0, attacks);
    }

    private static void Say(int tried, int singles, TimeSpan took, TimeSpan slowest, long most, string what) =>
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{tried} transcripts ({singles} with one change) in {took.TotalSeconds:0.0} s: {what}, slowest {slowest.TotalMilliseconds:0} ms, ")
            + string.Create(CultureInfo.InvariantCulture, $"most allocated {most >> 10} KiB"));

    private static string Name(int number) => string.Create(CultureInfo.InvariantCulture, $"hostile-{number}");
}
