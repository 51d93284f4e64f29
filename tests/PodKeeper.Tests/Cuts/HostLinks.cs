using VmPod.PodKeeper.Serving;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Cells;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;
using Xunit;

namespace VmPod.PodKeeper.Tests.Cuts;

/// <summary>The links of one paired host with a served pod, one after the other, over connections in memory: all of the product but the channel.</summary>
internal sealed class HostLinks(ServedPod pod, HostRole role = HostRole.Home) : IDisposable
{
    // Only a hang takes longer.
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // The pod may still be parking what the last link brought when the next one begins.
    private readonly (byte[] Received, byte[] Sent)[] podMemory =
        [.. Enumerable.Range(0, 2).Select(_ => (new byte[WireLimits.PodReceiveBytes], new byte[WireLimits.SendBytes]))];

    private readonly byte[] received = new byte[WireLimits.HostReceiveBytes], sent = new byte[WireLimits.SendBytes];
    private readonly Task[] serving = [Task.CompletedTask, Task.CompletedTask];
    private Task ended = Task.CompletedTask;
    private int turn;

    internal ServedPod Pod { get; } = pod;

    internal Pairing Pairing { get; } = pod.Pair(role);

    internal WireLink? Link { get; private set; }

    internal AttachRequest? Lease { get; set; }

    /// <summary>The pod's end of a connection is served from here on.</summary>
    /// <returns>Ends when the pod's link has: it has read all that arrived.</returns>
    internal Task Serve(CutWire wires)
    {
        int mine = turn++ & 1;
        Wait(serving[mine]);
        var over = new HostLink.Over(wires.Pod, wires.Cut, Pairing.Id, role, podMemory[mine].Received, podMemory[mine].Sent) { Time = FrozenTime.Instance };
        var noticed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        serving[mine] = Task.Run(() =>
        {
            try
            {
                HostLink.Run(Pod.Server, over, 0, wires.Cut, open => _ = open.Ended.ContinueWith(_ => noticed.TrySetResult(), TaskScheduler.Default));
            }
            catch (Foundation.VmPodException)
            {
                // Cut within the HELLOs, or they were bad: there is no link.
            }
            finally
            {
                _ = noticed.TrySetResult();
            }
        }, TestContext.Current.CancellationToken);
        return ended = noticed.Task;
    }

    /// <summary>A new link; the last one is ended.</summary>
    /// <exception cref="Foundation.VmPodException">The link was lost (7).</exception>
    internal WireLink Connect(CutWire wires)
    {
        Link?.Dispose();
        Link = null;
        _ = Serve(wires);
        return Link = WireLink.Connect(wires.Host, new HostHello { BootId = 1, TimeMs = 1, DisplayName = "" }, new WireOptions
        {
            ReceiveMemory = received,
            SendMemory = sent,
            Cut = wires.Cut,
            Time = FrozenTime.Instance,
        });
    }

    /// <summary>Opens a lease over a new link, and what a host makes of it.</summary>
    internal SessionLease Open(string session, bool create, ILeaseHome home, IReleasedCellSource cells)
    {
        WireLink link = Link ?? Connect(new CutWire());
        using SecretBuffer seed = SecretBuffer.Random(32);
        SigningKey signer = SigningKey.FromSeed(seed);
        SecretBuffer? key = null;
        LeaseReply reply = link.OpenLease(new LeaseRequest
        {
            Session = session,
            Purpose = VmPod.Sync.Wire.LeasePurpose.Resume,
            Create = create,
            Tip = false,
            Generation = null,
            Signer = signer.PublicKey,
        }, bytes => key = SecretBuffer.Create(32, bytes, static (to, from) => from.CopyTo(to)), Patience);
        Lease = new AttachRequest { Session = reply.Session, LeaseId = reply.LeaseId, Term = reply.Term };
        using (key)
        {
            return SessionLease.Open(session, reply.TermsAt(link.Pod!.VaultId), key!, signer, home, cells, reply.Start(), link.Pod.OwnerPublicKey.Span,
                reply.LeaseId);
        }
    }

    /// <summary>Where the session of the lease stands on the pod.</summary>
    internal SessionEntry Row() => Pod.Server.Look(p => p.Vault.Store.Head.Find(Lease!.Session.Value))!;

    /// <summary>A new link that has the lease.</summary>
    internal WireLink Resume(CutWire wires)
    {
        WireLink link = Connect(wires);
        Assert.True(link.Call(Lease!, Patience).IsOpen);
        return link;
    }

    /// <summary>Ends the link; the pod parks the lease.</summary>
    internal void Leave()
    {
        Link?.Dispose();
        Link = null;
        WaitForAll();
    }

    /// <summary>Waits until the pod has seen the end of the last link, and all that came before it.</summary>
    internal void WaitForPod() => Wait(ended);

    /// <summary>Waits until the pod has done with all links.</summary>
    internal void WaitForAll()
    {
        foreach (Task each in serving)
            Wait(each);
    }

    public void Dispose() => Leave();

    private static void Wait(Task task) => Assert.True(task.Wait(Patience), "the pod's side of a link did not end");
}
