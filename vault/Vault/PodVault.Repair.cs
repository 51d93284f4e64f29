using VmPod.Foundation;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Format.Store;
using VmPod.Vault.Keys;

namespace VmPod.Vault;

/// <summary>Repairing from another copy, without a key but the log's.</summary>
public sealed partial class PodVault
{
    // A commit now and then: what was fetched before the link or the disk fails is kept.
    private const int CellsOfRepair = 1024;

    /// <summary>Puts the log of a vault that nobody has open right, from another copy of it (<see cref="LogRepair"/>).</summary>
    /// <exception cref="VmPodException">As <see cref="LogRepair.Run"/>.</exception>
    public static LogRepairReport RepairLog(string folder, string from, bool dryRun) =>
        LogRepair.Run(folder, from, new LogAuthority(null, CellStore.ReadDescriptor(folder).LogPublicKey.ToArray()), dryRun);

    /// <summary>Puts a vault.json that is missing or damaged in its place again, from another copy: if the pod's own log key is the one that it
    /// names.</summary>
    /// <returns>Whether that was needed.</returns>
    /// <exception cref="VmPodException">The copy is of another pod, or there is no log key here to tell (4); the copy has none either (3, 5).</exception>
    public static bool RepairDescriptor(string folder, string from, bool dryRun)
    {
        try
        {
            _ = CellStore.ReadDescriptor(folder);
            return false;
        }
        catch (VmPodException e) when (e.ExitCode is ExitCode.Damaged or ExitCode.NotFound && Directory.Exists(Path.Combine(folder, SecretsFolder)))
        {
            VaultDescriptor theirs = CellStore.ReadDescriptor(from);
            using DeviceSecrets secrets = DeviceSecrets.Load(Path.Combine(folder, SecretsFolder));
            using SigningKey key = SigningKey.FromSeed(secrets.Log);
            if (!theirs.LogPublicKey.Span.SequenceEqual(key.PublicKey))
                throw new VmPodException(ExitCode.Refused, $"{from} holds another vault.", "Name a copy of this pod's folder, or its mirror.", e);
            if (!dryRun)
            {
                string path = Path.Combine(folder, "vault.json"), part = path + ".new";
                WriteDurably(part, theirs.Encode());
                File.Move(part, path, overwrite: true);
                Libc.FsyncDirectory(folder);
            }
            return true;
        }
    }

    /// <summary>
    /// Fetches, from another copy, every cell that a commit names and that has no sound copy here, and appends it (V-70). Needs no key; each cell is proved
    /// by its id.
    /// </summary>
    /// <param name="from">The folder of the other copy; null only says what is missing.</param>
    /// <param name="dryRun">Append nothing.</param>
    /// <param name="progress">How far the hashing is.</param>
    /// <param name="cancel">Stops it; what was committed stays.</param>
    /// <exception cref="VmPodException">The other folder holds no copy (3), or of another vault (4); no space (8).</exception>
    public RepairReport Repair(string? from, bool dryRun, IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        using CopiedCells? copy = from is null ? null : CopiedCells.Open(from, Descriptor, authority);
        return Repair(copy, dryRun, progress, cancel);
    }

    /// <summary>As the other form, with a copy that is somewhere else.</summary>
    public RepairReport Repair(ICellCopy? copy, bool dryRun, IProgress<VerifyProgress>? progress, CancellationToken cancel)
    {
        VerifyReport verified = Verify(progress, cancel);
        // The report names no more than so many.
        IEnumerable<CellId> missing = verified.MissingCount == verified.Missing.Count ? verified.Missing
            : CommittedCells().Distinct().Where(id => !IsThere(id));
        byte[] cell = new byte[Descriptor.CellBytes];
        var left = new List<CellId>();
        long fetched = 0, uncommitted = 0;
        foreach (CellId id in missing.Order())
        {
            cancel.ThrowIfCancellationRequested();
            if (copy is null || !copy.TryRead(id, cell))
            {
                left.Add(id);
                continue;
            }
            fetched++;
            if (dryRun)
                continue;
            Store.Append(id, cell);
            if (++uncommitted == CellsOfRepair)
                CommitRepair();
        }
        if (uncommitted > 0)
            CommitRepair();
        return new RepairReport(verified.Cells, fetched + left.Count, fetched, left);

        void CommitRepair()
        {
            lock (gate)
                Store.Commit([], context => Draft(context, static row => row));
            uncommitted = 0;
        }
    }

    private bool IsThere(CellId id)
    {
        try
        {
            return Store.Contains(id);
        }
        catch (DamagedCellException)
        {
            return false;
        }
    }
}
