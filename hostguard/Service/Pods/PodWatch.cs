using System.Diagnostics;
using System.Globalization;
using VmPod.Foundation;
using VmPod.Sync.Channel.Pairings;

namespace VmPod.HostGuard.Pods;

/// <summary>
/// Hands residues in by itself: as soon as their pod is in reach, locked or not, and within two seconds of a link that comes up. One try at a time for each
/// pod; a pod that stands still delays no other.
/// </summary>
internal sealed class PodWatch
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(50);

    private readonly IReadOnlySet<string> metered;
    private readonly Action<WatchNotice> say;
    private readonly TimeProvider time;
    private readonly long begun = Stopwatch.GetTimestamp();
    private readonly Dictionary<string, Known> pods = [];
    private volatile bool isLinkNew;

    /// <summary>A watch.</summary>
    /// <param name="metered">Interfaces over which nothing is handed in.</param>
    /// <param name="say">Told what happens, one call at a time.</param>
    /// <param name="time">The clock.</param>
    public PodWatch(IReadOnlySet<string> metered, Action<WatchNotice> say, TimeProvider time)
    {
        this.metered = metered;
        this.time = time;
        var gate = new Lock();
        this.say = notice =>
        {
            lock (gate)
                say(notice);
        };
    }

    /// <summary>Watches until it is cancelled; then waits for what is under way to end, which it does at once.</summary>
    /// <exception cref="VmPodException">This machine does not tell of its network interfaces (9).</exception>
    public async Task RunAsync(Action ready, CancellationToken cancel)
    {
        using var reach = new PodsInReach(time, link =>
        {
            isLinkNew = true;
            Say("link-up", address: link);
        });
        Say("watching");
        ready();
        try
        {
            while (true)
            {
                Look(reach.Now(), cancel);
                await Task.Delay(LookEvery, cancel);
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(pods.Values.Select(p => p.Work).OfType<Task>());
        }
    }

    private void Look(IReadOnlyList<PodInReach> now, CancellationToken cancel)
    {
        if (isLinkNew)
        {
            isLinkNew = false;
            foreach (Known pod in pods.Values)
                pod.Timer.Reset();
        }
        foreach ((_, Known pod) in pods.Where(p => p.Value.IsInReach && now.All(n => n.Pairing != p.Key)))
        {
            pod.IsInReach = false;
            Say("pod-gone", pod.Name);
        }
        foreach (PodInReach pod in now)
        {
            if (!pods.TryGetValue(pod.Pairing, out Known? known))
                pods[pod.Pairing] = known = new Known(pod.Name);
            if (!known.IsInReach)
            {
                known.IsInReach = true;
                known.Timer.Reset();
                known.IsPauseSaid = false;
                Say("pod-seen", pod.Name, pod.Addresses[0]);
            }
            if (known.Work is not { IsCompleted: false } && HandIn.HasWaiting(Id(pod)))
                Begin(pod, known, cancel);
        }
    }

    private void Begin(PodInReach pod, Known known, CancellationToken cancel)
    {
        if (pod.Links.All(metered.Contains))
        {
            if (!known.IsPauseSaid)
                Say("paused", pod.Name, string.Join(", ", pod.Links), state: "the link is metered");
            known.IsPauseSaid = true;
            return;
        }
        known.IsPauseSaid = false;
        if (known.Timer.TryBegin(Stopwatch.GetElapsedTime(begun)))
            known.Work = Task.Factory.StartNew(() => Give(pod, known, cancel), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Give(PodInReach pod, Known known, CancellationToken cancel)
    {
        string address = pod.Addresses[known.Failures % pod.Addresses.Count];
        try
        {
            bool isKept = false;
            foreach (Pairing pairing in PairingFolder.Load(HostFolder.Pods()))
            {
                using (pairing)
                {
                    if (pairing.Id != Id(pod))
                        continue;
                    foreach (ResidueReport report in HandIn.Run(PodAddress.Parse(address), pairing, time, cancel))
                    {
                        Say("residue", pod.Name, address, report.Session, report.State);
                        isKept |= report.State.StartsWith("kept", StringComparison.Ordinal);
                    }
                }
            }
            if (isKept)
                known.Timer.Failed();
            else
                known.Timer.Reset();
        }
        catch (VmPodException e)
        {
            known.Timer.Failed();
            known.Failures++;
            Say("failed", pod.Name, address, state: e.Message);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // It ends; what was not taken stays.
        }
    }

    private void Say(string what, string? pod = null, string? address = null, string? session = null, string? state = null) =>
        say(new WatchNotice(time.GetUtcNow(), what, pod, address, session, state));

    private static UInt128 Id(PodInReach pod) => UInt128.Parse(pod.Pairing, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private sealed class Known(string name)
    {
        public string Name { get; } = name;

        public TryTimer Timer { get; } = new();

        public bool IsInReach { get; set; }

        public bool IsPauseSaid { get; set; }

        public Task? Work { get; set; }

        /// <summary>Tries that failed: each takes the next of the pod's addresses.</summary>
        public int Failures { get; set; }
    }
}
