using System.Globalization;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;
using VmPod.HostGuard.Control;
using VmPod.Sync.Channel.Pairings;
using VmPod.Sync.Wire;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.HostGuard.Pods;

/// <summary>Hands residues of earlier sessions in to their pod. Needs no key of the session, and the pod may be locked.</summary>
internal static class HandIn
{
    private static readonly TimeSpan AskTime = TimeSpan.FromSeconds(30), CommitTime = TimeSpan.FromMinutes(10);

    /// <summary>The residues of this host.</summary>
    public static IReadOnlyList<ResidueReport> List() => [.. Directory.EnumerateDirectories(HostFolder.Residues()).Order(StringComparer.Ordinal)
        .Where(f => File.Exists(Path.Combine(f, Residue.CommitFile))).Select(f => Report(f, Owner(f), "waits"))];

    /// <summary>True if a residue waits for the pod of a pairing. One that cannot be read waits for nobody.</summary>
    public static bool HasWaiting(UInt128 pairing)
    {
        try
        {
            return Directory.EnumerateDirectories(HostFolder.Residues()).Any(f => File.Exists(Path.Combine(f, Residue.CommitFile))
                && ResidueOwner.Number(Owner(f).Pairing) == pairing);
        }
        catch (Exception e) when (e is VmPodException or IOException)
        {
            return false;
        }
    }

    /// <summary>Hands in all that belong to the pod of a pairing.</summary>
    /// <returns>What became of each. One that the pod does not take stays.</returns>
    /// <exception cref="VmPodException">Not reached (7), refused (4).</exception>
    public static IReadOnlyList<ResidueReport> Run(PodAddress address, Pairing pairing, TimeProvider time, CancellationToken cancel)
    {
        var reports = new List<ResidueReport>();
        foreach (string folder in Directory.EnumerateDirectories(HostFolder.Residues()).Order(StringComparer.Ordinal).ToList())
        {
            ResidueOwner owner = Owner(folder);
            if (!File.Exists(Path.Combine(folder, Residue.CommitFile)) || ResidueOwner.Number(owner.Pairing) != pairing.Id)
                continue;
            try
            {
                string? fork = Give(address, pairing, folder, owner, time, cancel);
                ResidueReport taken = Report(folder, owner, fork is null ? "taken" : $"taken as fork {fork}");
                Directory.Delete(folder, recursive: true);
                reports.Add(taken);
            }
            catch (VmPodException e) when (e.ExitCode is ExitCode.Busy or ExitCode.Refused or ExitCode.Damaged or ExitCode.NoSpace)
            {
                // Nothing that was stored is lost, so it stays.
                reports.Add(Report(folder, owner, $"kept: {e.Message}"));
            }
        }
        return reports;
    }

    /// <summary>Before a session begins: hands in what waits for this pod, if anything does. What goes wrong is said, and does not stop the session.</summary>
    public static void Quietly(PodAddress address, TimeProvider time, Action<string> say, CancellationToken cancel)
    {
        if (address.Machine is null || List().Count == 0)
            return;
        string pods = HostFolder.Pods();
        foreach (Pairing pairing in PairingFolder.Load(pods))
        {
            using (pairing)
            {
                if (address.Pairing is { } known ? known != pairing.Id : KnownPod.Load(pods, pairing.Id).Address != address.Text)
                    continue;
                try
                {
                    foreach (ResidueReport report in Run(address, pairing, time, cancel))
                        say($"Residue of {report.Session}: {report.State}");
                }
                catch (VmPodException e)
                {
                    say($"Residues were not handed in: {e.Message}");
                }
            }
        }
    }

    // The name of the fork that it became, if the session went on without it.
    private static string? Give(PodAddress address, Pairing pairing, string folder, ResidueOwner owner, TimeProvider time, CancellationToken cancel)
    {
        string pods = HostFolder.Pods();
        (PodLink link, KnownPod known) = PodLink.Connect(address.Machine!, pairing, KnownPod.Load(pods, pairing.Id), ResidueOwner.Number(owner.BootId), time,
            cancel);
        using (link)
        {
            WireLink wire = link.Wire;
            int cellBytes = wire.Pod!.CellBytes;
            CommitEntry commit = CommitEntry.Read(File.ReadAllBytes(Path.Combine(folder, Residue.CommitFile)));
            ulong lease = ulong.Parse(owner.LeaseId, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            _ = wire.Call(new AttachRequest
            {
                Session = new SessionHandle(ResidueOwner.Number(owner.Session)),
                LeaseId = lease,
                Term = owner.Term,
            }, AskTime);
            using SafeFileHandle cells = File.OpenHandle(Path.Combine(folder, Residue.CellsFile));
            var places = new Dictionary<CellId, long>();
            byte[] cell = new byte[cellBytes];
            for (long at = 0; RandomAccess.Read(cells, cell, at) == cellBytes; at += cellBytes)
                places[CellId.Of(cell)] = at;
            new CellUpload(wire, cellBytes).PutMissing([.. places.OrderBy(p => p.Value).Select(p => p.Key)],
                (in CellId id, Span<byte> into) => RandomAccess.Read(cells, into, places[id]) == into.Length, AskTime);
            CommittedReply reply = wire.Commit(new CommitRequest { Close = true, Record = commit.Record, Signature = commit.Signature }, commit.Added,
                commit.Dropped, CommitTime);
            (known with { HeadSeq = reply.HeadSeq, HeadHash = reply.HeadHash.ToString() }).Save(pods, pairing.Id);
            // The hash covers the entry's type: so the pod cannot call a fork a commit.
            byte[] entry = commit.ToBytes();
            return reply.EntryHash == DomainHash.OfEntry(LogEntryTypes.Fork, entry)
                || reply.EntryHash == DomainHash.OfEntry(LogEntryTypes.PendingFork, entry) ? ForkName.Of(lease) : null;
        }
    }

    private static ResidueOwner Owner(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(folder, Residue.OwnerFile)), HostGuardJson.Default.ResidueOwner)!;
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            throw new VmPodException(ExitCode.Damaged, $"The residue in {folder} has no readable description.", "Remove the folder if it is of no use.", e);
        }
    }

    private static ResidueReport Report(string folder, ResidueOwner owner, string state) => new(owner.Name, owner.LeaseId, owner.Address,
        new FileInfo(Path.Combine(folder, Residue.CellsFile)).Length, DateTimeOffset.FromUnixTimeMilliseconds(owner.BegunMs), state);
}

/// <summary>A residue at a glance.</summary>
/// <param name="Session">The session's name.</param>
/// <param name="Lease">The lease's id.</param>
/// <param name="Pod">Where its pod was last reached.</param>
/// <param name="Bytes">Bytes of sealed cells.</param>
/// <param name="Begun">When the session was begun here.</param>
/// <param name="State">"waits", "taken", "taken as fork " and its name, or "kept: " and why.</param>
public sealed record ResidueReport(string Session, string Lease, string Pod, long Bytes, DateTimeOffset Begun, string State);
