using System.Diagnostics;
using System.Text;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Mount;
using VmPod.HostGuard.Mount;
using VmPod.Secrets;
using VmPod.Vault;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.Benchmarks.Suspend;

/// <summary>A session whose disk and RAM are files of a FUSE mount, and another process that writes to the RAM.</summary>
internal sealed class MountedSession : IDisposable
{
    private const double Mi = 1 << 20;
    private const int PageBytes = FormatLimits.PageBytes, DiskPieceBytes = 1 << 20;
    private const string Ram = "ram", Session = "bench";

    private readonly PodVault vault;
    private readonly SessionLease lease;
    private readonly SessionImage image;
    private readonly string mountPoint = Directory.CreateTempSubdirectory("vmpod-bench-").FullName;
    private readonly FuseMount mount;
    private readonly Dirtier dirtier;

    /// <summary>Makes the vault, fills the disk, and mounts.</summary>
    public MountedSession(string folder, SuspendSize size, long diskBytes)
    {
        using SecretBuffer passphrase = SecretBuffer.Create(9, static bytes => Encoding.ASCII.GetBytes("benchmark", bytes));
        vault = PodVault.Create(folder, passphrase, new VaultOptions { Argon2MemoryKiB = 8 * 1024 }, TimeProvider.System);
        lease = vault.BeginLease(Session, create: true, host: 1);
        // All that is dirty fits, so that nothing is sealed before the clock runs: the worst case. hostguard's own bound is 128 MiB.
        image = new SessionImage(lease, new SessionImageOptions { OverlayBytes = size.OverlayBytes });
        StreamInfo disk = image.SetStream("disk", StreamKind.Disk, diskBytes), ram = image.SetStream(Ram, StreamKind.Memory, size.RamBytes);
        FillDisk(disk, size.DiskUsedBytes);
        _ = image.Commit(GenerationKind.Checkpoint, "disk");
        mount = FuseMount.Start(mountPoint,
            [new ImageStream("disk", MountedFileKind.Disk, disk, image), new ImageStream(Ram, MountedFileKind.Memory, ram, image)], new FuseMountOptions());
        dirtier = new Dirtier(Path.Join(mountPoint, Ram), size.RamBytes);
    }

    /// <summary>Makes RAM dirty, then suspends: everything is durable when this returns.</summary>
    public SuspendTimes DirtyAndSuspend(long bytes, int seed)
    {
        dirtier.Dirty(bytes, seed);
        double inCache = mount.CacheState(Ram).DirtyPages * PageBytes / Mi, inOverlay = image.UnsealedBytes(StreamKind.Memory) / Mi;
        long spills = image.Counters.Spills, appended = lease.BytesAppended;
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        mount.SyncFile(Ram);
        double sync = watch.Elapsed.TotalSeconds;
        _ = image.Commit(GenerationKind.Checkpoint, "suspend");
        double all = watch.Elapsed.TotalSeconds, cpuS = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;
        if (image.Counters.Spills != spills)
            throw new InvalidOperationException("The overlay was too small: a part was sealed early.");
        return new SuspendTimes(bytes / Mi, inCache, inOverlay, sync, all - sync, cpuS, lease.BytesAppended - appended);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        dirtier.Dispose();
        mount.Dispose();
        Directory.Delete(mountPoint);
        image.Dispose();
        lease.Close();
        lease.Dispose();
        vault.Dispose();
    }

    private void FillDisk(StreamInfo disk, long usedBytes)
    {
        var random = new SplitMix(19);
        byte[] piece = new byte[DiskPieceBytes];
        long pieces = usedBytes / DiskPieceBytes, distance = disk.Length / pieces / DiskPieceBytes * DiskPieceBytes;
        for (long i = 0; i < pieces; i++)
        {
            // A third random.
            random.Fill(piece.AsSpan(0, DiskPieceBytes / 3));
            image.Write(disk.Number, i * distance, piece);
        }
    }
}
