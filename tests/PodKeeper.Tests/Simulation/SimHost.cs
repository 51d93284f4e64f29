using VmPod.Foundation;
using VmPod.PodKeeper.Tests.Serving;
using VmPod.Secrets;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Keys;
using VmPod.Vault.Sessions;

namespace VmPod.PodKeeper.Tests.Simulation;

/// <summary>A host: the product's lease over a link of the world's, and what the host itself thinks that the session holds.</summary>
internal sealed class SimHost(SimWorld world, int index)
{
    /// <summary>The pairings of the hosts of a world.</summary>
    internal static readonly UInt128[] Pairings = [1001, 1002];

    private readonly HashSet<int> batch = [];
    private SimHome? home;
    private int[] committed = new int[SimContent.Files];

    internal int Index => index;

    internal UInt128 PairingId => Pairings[index];

    /// <summary>One is trusted with what it writes, the other is not.</summary>
    internal HostRole Role => index == 0 ? HostRole.Home : HostRole.Foreign;

    internal UInt128 Boot { get; private set; } = 1;

    /// <summary>While a host has a lease its link is one that has it.</summary>
    internal SimLink? Link { get; private set; }

    internal SessionLease? Lease { get; private set; }

    internal SimLease? Known { get; private set; }

    /// <summary>The pod said that the lease is not open any more.</summary>
    internal bool IsOver { get; private set; }

    /// <summary>Of each file the number of its content, what is not committed included.</summary>
    internal int[] View { get; private set; } = new int[SimContent.Files];

    internal List<SimResidue> Residues { get; } = [];

    /// <summary>In the middle of something: nothing else begins here.</summary>
    internal bool IsBusy { get; set; }

    internal (ulong Seq, Digest Hash) Seen { get; set; }

    internal bool IsLinked => Link is { IsUp: true };

    /// <summary>Opens a lease. What it goes on from: the newest generation, or what is said.</summary>
    internal void Open(int session, bool tip, ulong? generation, ulong? fork)
    {
        if (!IsLinked)
            Link = Connect(Boot);
        SimLink link = Link!;
        using SecretBuffer seed = SecretBuffer.Random(32);
        SigningKey signer = SigningKey.FromSeed(seed);
        SecretBuffer? key = null;
        LeaseReply reply = link.OpenLease(new LeaseRequest
        {
            Session = SimModel.Sessions[session],
            Purpose = VmPod.Sync.Wire.LeasePurpose.Resume,
            Create = fork is null && generation is null,
            Tip = tip,
            Generation = generation,
            Fork = fork,
            Signer = signer.PublicKey,
        }, bytes => key = SecretBuffer.Create(32, bytes, static (to, from) => from.CopyTo(to)));
        using (key)
        {
            SimLease known = world.Granted(this, session, reply);
            LeaseTerms terms = reply.TermsAt(link.Pod.Pod.Vault.Descriptor.VaultId);
            BaseCommit? from = reply.Start();
            var made = new SimHome(world, this, known, link.CellBytes);
            Lease = SessionLease.Open(SimModel.Sessions[session], terms, key!, signer, made, made, from, SimTemplate.OwnerKey, reply.LeaseId);
            (Known, home, IsOver) = (known, made, false);
            committed = from is null ? new int[SimContent.Files] : [.. world.Model.Find(from.EntryHash)!.Content];
            View = [.. committed];
            batch.Clear();
            made.SendAgain(link);
            // As hostguard does: later the pod may be gone, or not let it read any more.
            Lease.LoadLiveCells();
        }
    }

    /// <summary>Puts a chunk: new bytes, or zeros.</summary>
    internal void Write(int file, bool isZero)
    {
        if (batch.Contains(file) || batch.Count >= SimContent.FilesOfOneBatch)
            Seal();
        batch.Add(file);
        if (isZero)
        {
            Lease!.PutZero(SimContent.KeyOf(file));
            View[file] = 0;
            return;
        }
        int content = world.Model.NewContent();
        byte[] bytes = SimContent.Bytes(content);
        Lease!.Put(SimContent.KeyOf(file), Codec.Raw, bytes.Length, bytes, Lease.TagOf(bytes));
        View[file] = content;
    }

    internal void Seal()
    {
        Lease!.SealBatch();
        batch.Clear();
    }

    internal void Commit(GenerationKind kind, bool close)
    {
        home!.KeepsRest |= close;
        try
        {
            Lease!.Commit(kind, "simulated", SimContent.Streams, include: null, close);
        }
        catch (VmPodException)
        {
            // It may not have got as far as the end of the batch.
            Seal();
            throw;
        }
        batch.Clear();
        committed = [.. View];
        if (home.Kept is { } rest)
            Residues.Add(rest);
        if (close)
            Drop();
    }

    /// <summary>Reads a file as the last commit left it.</summary>
    internal void Read(int file)
    {
        if (Lease!.Reader is not { } reader)
            return;
        byte[] bytes = new byte[SimContent.FileBytes];
        reader.ReadChunk(SimContent.Streams[file], 0, bytes);
        if (!bytes.AsSpan().SequenceEqual(SimContent.Bytes(committed[file])))
            throw new SimViolationException($"Host {index} reads other bytes in f{file + 1} under {Known} than it committed.");
    }

    internal void Renew() => Link!.Call<RenewedReply>(RenewRequest.Instance);

    internal void Flush() => Link!.Flush();

    internal void Discard()
    {
        Lease!.Discard();
        View = [.. committed];
        batch.Clear();
    }

    internal void Close()
    {
        Lease!.Close();
        Drop();
    }

    /// <summary>Goes on over a new link.</summary>
    internal void Attach()
    {
        SimLink link = Connect(Boot);
        AttachedReply reply;
        try
        {
            reply = link.Call<AttachedReply>(new AttachRequest { Session = Known!.Handle, LeaseId = Known.Id, Term = Known.Term });
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Busy)
        {
            link.IsUp = false;
            if (world.HasCommits(Known!.Handle))
                throw new SimViolationException($"{Known} is not taken back, not even as a fork: {e.Message}", e);
            // Nobody has anything of it.
            Drop();
            throw;
        }
        if (reply.IsOpen && Known.IsBroken)
            throw new SimViolationException($"{Known} was ended by the owner, and is open.");
        Link = link;
        IsOver = !reply.IsOpen;
        home!.SendAgain(link);
    }

    /// <summary>Hands in what stayed here.</summary>
    internal void HandIn(SimResidue residue)
    {
        SimLink link = Connect(residue.Boot);
        try
        {
            AttachedReply attached = link.Call<AttachedReply>(new AttachRequest
            {
                Session = residue.Lease.Handle,
                LeaseId = residue.Lease.Id,
                Term = residue.Lease.Term,
            });
            if (attached.IsOpen && residue.Lease.IsBroken)
                throw new SimViolationException($"{residue.Lease} was ended by the owner, and is open.");
            SimHome.SendMissing(link, residue.Cells);
            CommittedReply reply = link.Commit(new CommitRequest { Close = true, Record = residue.Commit.Record, Signature = residue.Commit.Signature },
                residue.Commit.Added, residue.Commit.Dropped);
            world.Told(this, residue.Version, reply);
            Residues.Remove(residue);
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.Busy && !world.HasCommits(residue.Lease.Handle))
        {
            // A session that never got a commit went with its lease: there is nothing that a fork could stand beside.
            Residues.Remove(residue);
            throw;
        }
        catch (VmPodException e) when (e.ExitCode == ExitCode.Refused && world.Model.Losses[residue.Lease.Session] > 0)
        {
            // What it goes on from was forgotten since.
            Residues.Remove(residue);
            throw;
        }
        finally
        {
            link.IsUp = false;
        }
    }

    /// <summary>The link goes; the pod does not see it yet.</summary>
    internal void Cut()
    {
        if (Link is { } link)
            link.IsUp = false;
        Link = null;
    }

    /// <summary>The host's process is killed, or all of it. What was kept for the pod is on its disk.</summary>
    internal void Die(bool isReboot)
    {
        Drop();
        Cut();
        Boot += isReboot ? 1U : 0;
    }

    /// <summary>It has no lease any more.</summary>
    internal void Drop()
    {
        Lease?.Dispose();
        (Lease, Known, home, IsOver) = (null, null, null, false);
        batch.Clear();
    }

    private SimLink Connect(UInt128 boot)
    {
        SimPod pod = world.Pod ?? throw new VmPodException(ExitCode.LinkLost, "The simulated pod is down.");
        // The product's host does this with the pod's HELLO (hostguard, PodLink).
        if (pod.Store.Head.Seq < Seen.Seq || (pod.Store.Head.Seq == Seen.Seq && pod.Store.HeadHash != Seen.Hash))
            throw new SimViolationException($"The pod has head {pod.Store.Head.Seq}; host {index} saw {Seen.Seq}.");
        Seen = (pod.Store.Head.Seq, pod.Store.HeadHash);
        return pod.Link(this, boot);
    }
}
