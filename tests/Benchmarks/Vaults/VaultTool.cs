using System.Globalization;
using System.Text;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Peers;
using VmPod.Benchmarks.Report;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;
using VmPod.Vault.Snapshots;

namespace VmPod.Benchmarks.Vaults;

/// <summary>This project's vault through its library, in this process: opened anew for each step, the passphrase's time apart.</summary>
internal sealed class VaultTool(int cellBytes = FormatLimits.CellBytesDefault) : ISnapshotTool, IDisposable
{
    private const string Session = "bench";
    private const int Argon2MemoryKiB = 64 * 1024;

    private readonly SecretBuffer passphrase = SecretBuffer.Create(9, static bytes => Encoding.ASCII.GetBytes("benchmark", bytes));
    private string folder = "";
    private Timing unlocked;

    /// <inheritdoc/>
    public string Name => "vmpod";

    /// <inheritdoc/>
    public string Version { get; } = string.Create(CultureInfo.InvariantCulture,
        $"{typeof(PodVault).Assembly.GetName().Version?.ToString(3)} (cells of {cellBytes / 1024} KiB)");

    /// <inheritdoc/>
    public long StoredBytes => DataFile.StoredBytes(folder);

    /// <summary>True to store chunks alone.</summary>
    public bool StoresAlone { get; init; }

    /// <summary>What the last save did.</summary>
    public SnapshotWriter.Summary? LastPut { get; private set; }

    /// <summary>Share of the plaintext of all cells that is not padding, in the last save.</summary>
    public double LastFill { get; private set; }

    /// <summary>The most memory that the last step took, in MiB.</summary>
    public double LastPeakMiB { get; private set; }

    /// <inheritdoc/>
    public void Create(string folder)
    {
        this.folder = folder;
        PodVault.Create(folder, passphrase, new VaultOptions { CellBytes = cellBytes, Argon2MemoryKiB = Argon2MemoryKiB }, TimeProvider.System).Dispose();
    }

    /// <inheritdoc/>
    public Timing Unlock()
    {
        using PodVault vault = Open(StoreAccess.Read);
        return unlocked;
    }

    /// <inheritdoc/>
    public Timing Save(string folder, int generation) => Step(StoreAccess.Write, vault =>
    {
        using SessionLease lease = vault.BeginLease(Session, create: true, host: 1);
        if (StoresAlone)
            lease.StoreAlone();
        LastPut = SnapshotWriter.Put(lease, [folder], "benchmark", progress: null, CancellationToken.None);
        LastFill = lease.BytesUsed / ((double)LastPut.CellsAdded * CellLayout.Capacity(cellBytes));
    });

    /// <inheritdoc/>
    public Timing Restore(int generation, string into) => Step(StoreAccess.Read, vault =>
    {
        using SessionReader reader = vault.OpenSession(Session, (ulong)generation + 1);
        SnapshotReader.Get(reader, into, progress: null, CancellationToken.None);
    });

    /// <inheritdoc/>
    public void WarmProgram()
    {
        // It is this process.
    }

    /// <inheritdoc/>
    public void Warm() => DataFile.Warm(folder);

    /// <summary>Opens the vault and a lease on its session, for reading as a running machine does.</summary>
    public (PodVault Vault, SessionLease Lease) OpenLease()
    {
        PodVault vault = Open(StoreAccess.Write);
        return (vault, vault.BeginLease(Session, create: false, host: 1));
    }

    /// <inheritdoc/>
    public void Dispose() => passphrase.Dispose();

    private Timing Step(StoreAccess access, Action<PodVault> work)
    {
        GC.Collect();
        PeakMemory.Reset();
        Timing all = Timing.Of(() =>
        {
            using PodVault vault = Open(access);
            work(vault);
        });
        LastPeakMiB = PeakMemory.ReadMiB();
        return new Timing(all.WallS - unlocked.WallS, all.CpuS - unlocked.CpuS);
    }

    private PodVault Open(StoreAccess access)
    {
        PodVault vault = PodVault.Open(folder, access, TimeProvider.System);
        bool opened = false;
        unlocked = Timing.Of(() => opened = vault.TryUnlock(passphrase));
        return opened ? vault : throw new InvalidOperationException("The benchmark's own passphrase is wrong.");
    }
}
