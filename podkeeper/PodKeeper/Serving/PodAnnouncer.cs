using System.Net;
using VmPod.Foundation;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Discovery;
using VmPod.Sync.Discovery.Announcing;

namespace VmPod.PodKeeper.Serving;

/// <summary>
/// Lets paired hosts find a served pod on the local link, locked or not (sync/SPEC.md, S-100 to S-103). Without pairings it says nothing: nobody could use it.
/// </summary>
public sealed class PodAnnouncer : IDisposable
{
    private readonly PodServer server;
    private readonly TimeProvider time;
    private readonly Action<ServerNote> note;
    private readonly ServiceAnnouncer announcer;
    private readonly ITimer watch;
    private (long Day, DateTime Changed) state;
    private bool isFailureSaid;

    private PodAnnouncer(PodServer server, TimeProvider time, Action<ServerNote> note)
    {
        this.server = server;
        this.time = time;
        this.note = note;
        state = State();
        announcer = ServiceAnnouncer.Start(Make, time);
        watch = time.CreateTimer(_ => Look(), null, PodLimits.AnnouncementWatch, PodLimits.AnnouncementWatch);
    }

    /// <summary>Begins. Null, and a note, if this machine does not let it: a pod that is not found by itself serves all the same.</summary>
    public static PodAnnouncer? Start(PodServer server, TimeProvider time, Action<ServerNote> note)
    {
        try
        {
            return new PodAnnouncer(server, time, note);
        }
        catch (IOException e)
        {
            note(new ServerNote("The pod is not announced.", Why: e.Message));
            return null;
        }
    }

    /// <summary>Ends it, with a farewell.</summary>
    public void Dispose()
    {
        watch.Dispose();
        announcer.Dispose();
    }

    private AnnouncedService? Make()
    {
        IReadOnlyList<Pairing> pairings;
        try
        {
            pairings = PairingFolder.Load(server.PairingsPath);
        }
        catch (Exception e) when (e is VmPodException or IOException or UnauthorizedAccessException)
        {
            note(new ServerNote("The pod is not announced: its pairings cannot be read.", Why: e.Message));
            return null;
        }
        try
        {
            // There is room for so many: the hosts that were paired last. Pods that are mirrored here look for nobody (P-124).
            Pairing[] last = [.. pairings.Where(p => p.Role != HostRole.Mirror).OrderByDescending(p => p.Created).Take(DiscoveryLimits.TagsCount)];
            return last.Length == 0 ? null : PodService.Announce(server.Address.Port, IsServed, instance => DiscoveryTags.Of(last, instance, time));
        }
        finally
        {
            foreach (Pairing pairing in pairings)
                pairing.Dispose();
        }
    }

    private bool IsServed(IPAddress address)
    {
        IPAddress at = server.Address.Address;
        return at.Equals(IPAddress.IPv6Any) || (at.Equals(IPAddress.Any) ? address.AddressFamily == at.AddressFamily
            : at.GetAddressBytes().AsSpan().SequenceEqual(address.GetAddressBytes()));
    }

    // Tags are those of a day and of the pairings that there are. The folder says by its time that one came or went.
    private void Look()
    {
        if (announcer.Failure is { } bug && !isFailureSaid)
        {
            isFailureSaid = true;
            note(new ServerNote("The pod is not announced any more.", Bug: bug));
        }
        (long, DateTime) now = State();
        if (now == state)
            return;
        state = now;
        announcer.Renew();
    }

    private (long Day, DateTime Changed) State() => (DiscoveryTags.Today(time), Directory.GetLastWriteTimeUtc(server.PairingsPath));
}
