using System.Net.Sockets;
using VmPod.Foundation;
using VmPod.Secrets;
using VmPod.Sync.Channel;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;

namespace VmPod.PodKeeper.Serving;

/// <summary>One connection, from its first byte to its end; it has a thread of its own.</summary>
/// <remarks>
/// <code>
///   stranger --ClientHello is here, a handshake is free--> handshake --paired--> link --either side ends it--> gone
///       `-- garbage, silence, room for another --> gone `-- not paired --> counted for the log, gone
/// </code>
/// The link's memory is taken after the handshake: a stranger costs a thread.
/// </remarks>
internal sealed class HostConnection(PodServer server, Socket socket, long number)
{
    private readonly TaskCompletionSource gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private Action? stopMirror;
    private WireLink? link;
    private volatile bool isCut;

    internal long Number { get; } = number;

    /// <summary>True once it was told to end.</summary>
    internal bool IsCut => isCut;

    /// <summary>The pairing that it proved to hold; null for a stranger.</summary>
    internal UInt128? PairingId { get; private set; }

    /// <summary>True if that is of role mirror: no host, but a pod whose copy is kept here.</summary>
    internal bool IsMirror { get; private set; }

    /// <summary>Runs it to its end. Throws nothing.</summary>
    internal void Run()
    {
        try
        {
            if (!FirstMessage.Wait(socket, PodLimits.FirstMessageTime))
            {
                if (isCut)
                    return;
                server.CountRefusal(this, "It sent nothing that a paired host sends.");
                return;
            }
            using SecureChannel channel = Greet(out HostRole role);
            if (!server.TryMakeLink(this, channel.PairingId, role == HostRole.Mirror))
            {
                channel.Abort();
                return;
            }
            try
            {
                // The role alone decides what is spoken: neither protocol is heard where the other one belongs (S-172).
                if (role == HostRole.Mirror)
                    ServeMirror(channel);
                else
                    Serve(channel, role);
            }
            finally
            {
                channel.Abort();
            }
        }
        catch (Exception e) when (isCut && e is VmPodException or ObjectDisposedException or SocketException or OperationCanceledException)
        {
            // It was told to.
        }
        catch (VmPodException e) when (PairingId is null)
        {
            server.CountRefusal(this, e.Message);
        }
        catch (VmPodException e)
        {
            server.Note(new ServerNote("A link could not be made.", Number, e.Message));
        }
        catch (Exception e)     // a bug in one connection is not the end of the others
        {
            server.Note(new ServerNote("A connection failed.", Number, Bug: e));
        }
        finally
        {
            socket.Dispose();
            gone.SetResult();
            server.Remove(this);
        }
    }

    /// <summary>Waits for its end, so that what it had is free. False if it takes longer.</summary>
    internal bool WaitUntilGone(TimeSpan patience) => gone.Task.Wait(patience);

    /// <summary>The pod's own state changed: the next beat says so.</summary>
    internal void SetUnlocked(bool isUnlocked)
    {
        if (Volatile.Read(ref link) is { } open)
            open.IsUnlocked = isUnlocked;
    }

    /// <summary>The room on the pod's disk: the next beat says so.</summary>
    internal void SetSpace(PodSpace space)
    {
        if (Volatile.Read(ref link) is { } open)
            open.Space = space;
    }

    /// <summary>Marks it as that of a paired host, or of a pod whose mirror is kept here.</summary>
    internal void Know(UInt128 pairingId, bool isMirror) => (PairingId, IsMirror) = (pairingId, isMirror);

    /// <summary>Ends it, from any thread.</summary>
    internal void Cut()
    {
        isCut = true;
        lock (gate)
            stopMirror?.Invoke();
        if (Volatile.Read(ref link) is { } open)
            open.Close();
        else
            socket.Dispose();
    }

    private void ServeMirror(SecureChannel channel)
    {
        using var stop = new CancellationTokenSource();
        lock (gate)
            stopMirror = stop.Cancel;
        try
        {
            if (!isCut)
                MirrorLink.Run(server, channel, channel.PairingId, Number, stop.Token);
        }
        finally
        {
            lock (gate)
                stopMirror = null;
        }
    }

    private SecureChannel Greet(out HostRole role)
    {
        using IDisposable turn = server.WaitForHandshake();
        // Read anew each time: pairings come and go while the pod is served, also by another process.
        IReadOnlyList<Pairing> pairings = PairingFolder.Load(server.PairingsPath);
        try
        {
            SecureChannel channel = SecureChannel.Accept(socket, pairings, server.Channel);
            role = pairings.First(p => p.Id == channel.PairingId).Role;
            return channel;
        }
        finally
        {
            foreach (Pairing pairing in pairings)
                pairing.Dispose();
        }
    }

    private void Serve(SecureChannel channel, HostRole role)
    {
        using IDisposable received = new LockedMemoryOwner(WireLimits.PodReceiveBytes), sent = new LockedMemoryOwner(WireLimits.SendBytes);
        HostLink.Run(server, new HostLink.Over(channel.Stream, channel.Abort, channel.PairingId, role, ((LockedMemoryOwner)received).Memory,
            ((LockedMemoryOwner)sent).Memory), Number, Cut, open =>
        {
            Volatile.Write(ref link, open);
            // It may have changed, or been asked to end, since the HELLO.
            open.IsUnlocked = server.Leases.IsUnlocked;
            if (isCut)
                open.Close();
        });
    }
}
