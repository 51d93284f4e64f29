using System.Globalization;
using System.Net;
using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Browsing;

namespace VmPod.HostGuard.Pods;

/// <summary>Looks for paired pods on the local links. Announcements of others are not shown: strangers' pods are nobody's business.</summary>
internal sealed class PodsInReach : IDisposable
{
    // How long another pod may take to answer, with room: 120 ms, and a second more if it answered somebody else just before (sync/SPEC.md, S-108).
    private static readonly TimeSpan SettleTime = TimeSpan.FromSeconds(2), LookTime = TimeSpan.FromSeconds(3), LookEvery = TimeSpan.FromMilliseconds(50),
        RecogniseEvery = TimeSpan.FromSeconds(1);

    private readonly TimeProvider time;
    private readonly ServiceBrowser browser;
    private readonly DateTimeOffset begun;
    private (string Found, TimeSpan At, IReadOnlyList<PodInReach> Pods) last = ("", TimeSpan.Zero, []);

    /// <summary>Begins to look.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="linkUp">Told the name of an interface that came up, from a thread of its own.</param>
    /// <exception cref="VmPodException">This machine does not tell of its network interfaces (9).</exception>
    public PodsInReach(TimeProvider time, Action<string>? linkUp = null)
    {
        this.time = time;
        begun = time.GetUtcNow();
        try
        {
            browser = ServiceBrowser.Start(PodService.Type, time, linkUp);
        }
        catch (IOException e)
        {
            throw new VmPodException(ExitCode.Missing, "Pods cannot be looked for: this machine does not tell of its network interfaces.",
                "Name the pod by its address: --pod HOST:PORT.", e);
        }
    }

    /// <summary>Those that are in reach now, by name.</summary>
    public IReadOnlyList<PodInReach> Now()
    {
        IReadOnlyList<FoundService> found = browser.Found;
        if (found.Count == 0)
            return [];
        // Keys are read and tags computed when something changed, and once a second: pairings and days change too.
        string signature = string.Join('|', found.Select(f => $"{f.Link} {f.Instance} {f.Port} {string.Join(' ', f.Addresses)}"));
        if (signature == last.Found && browser.Now < last.At + RecogniseEvery)
            return last.Pods;
        last = (signature, browser.Now, Recognise(found));
        return last.Pods;
    }

    /// <summary>Looks for so long.</summary>
    public static async Task<IReadOnlyList<PodInReach>> LookAsync(TimeSpan forSoLong, CancellationToken cancel)
    {
        using var pods = new PodsInReach(TimeProvider.System);
        await Task.Delay(forSoLong, cancel);
        return pods.Now();
    }

    /// <summary>The one paired pod in reach: what --pod auto means.</summary>
    /// <exception cref="VmPodException">There is none (3), or more than one (2), or it does not answer (7).</exception>
    public static async Task<PodAddress> OnlyOneAsync(CancellationToken cancel)
    {
        using var pods = new PodsInReach(TimeProvider.System);
        TimeSpan? first = null;
        while (pods.browser.Now < LookTime && (first is null || pods.browser.Now - first < SettleTime))
        {
            await Task.Delay(LookEvery, cancel);
            if (first is null && pods.Now().Count > 0)
                first = pods.browser.Now;
        }
        IReadOnlyList<PodInReach> all = pods.Now();
        return all.Count switch
        {
            1 => await ReachAsync(all[0], cancel),
            0 => throw new VmPodException(ExitCode.NotFound, "No paired pod is in reach.",
                "Is podkeeper serve running there, in the same network? hostguard pods looks again; or name it: --pod HOST:PORT."),
            _ => throw new VmPodException(ExitCode.Usage, $"More than one paired pod is in reach: {string.Join(", ", all.Select(p => p.Name))}.",
                $"Name one: {string.Join(" or ", all.Select(p => "--pod " + p.Addresses[0]))}."),
        };
    }

    /// <summary>Ends it.</summary>
    public void Dispose() => browser.Dispose();

    // The first of its addresses at which something answers.
    private static async Task<PodAddress> ReachAsync(PodInReach pod, CancellationToken cancel)
    {
        var pairing = UInt128.Parse(pod.Pairing, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        foreach (string text in pod.Addresses)
        {
            var address = PodAddress.Parse(text) with { Pairing = pairing };
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            deadline.CancelAfter(TimeSpan.FromSeconds(1));
            try
            {
                await socket.ConnectAsync(address.Machine!, deadline.Token);
                return address;
            }
            catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                // The next one.
            }
        }
        throw new VmPodException(ExitCode.LinkLost, $"{pod.Name} is announced at {string.Join(", ", pod.Addresses)}, and does not answer.",
            "A firewall, or it has just left.");
    }

    private List<PodInReach> Recognise(IReadOnlyList<FoundService> found)
    {
        var pods = new List<PodInReach>();
        foreach (Pairing pairing in PairingFolder.Load(HostFolder.Pods()))
        {
            using (pairing)
            {
                // The newest first: where a link was down for a while, older names of the same pod are still remembered.
                FoundService[] its = [.. found.Where(f => DiscoveryTags.Has(PodService.TagsOf(f), pairing, f.Instance, time)).OrderByDescending(f => f.Since)];
                if (its.Length > 0)
                    pods.Add(Describe(pairing, its));
            }
        }
        return [.. pods.OrderBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Pairing, StringComparer.Ordinal)];
    }

    private PodInReach Describe(Pairing pairing, IReadOnlyList<FoundService> its)
    {
        // IPv4 first, then IPv6 that is not of the link alone: what can be read out and typed comes first.
        IPEndPoint[] ends = [.. its.SelectMany(f => f.Addresses.OrderBy(a => a.AddressFamily == AddressFamily.InterNetwork ? 0 : a.IsIPv6LinkLocal ? 2 : 1)
            .Select(a => new IPEndPoint(a, f.Port))).Distinct()];
        return new PodInReach(pairing.Id.ToString("x32", CultureInfo.InvariantCulture), pairing.PeerName, ends[0].Address.ToString(), ends[0].Port,
            [.. ends.Select(e => e.ToString())], [.. its.Select(f => f.Link).Distinct()], begun + its.Min(f => f.Since));
    }
}
