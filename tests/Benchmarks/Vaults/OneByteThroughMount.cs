using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Mount;
using VmPod.Benchmarks.Peers;
using VmPod.HostGuard.Mount;
using VmPod.Vault;
using VmPod.Vault.Format;
using VmPod.Vault.Images;
using VmPod.Vault.Sessions;

namespace VmPod.Benchmarks.Vaults;

/// <summary>One byte of a session's disk changed by another process through the FUSE mount, then a commit: cells that it adds.</summary>
internal static class OneByteThroughMount
{
    private const string File = "disk.raw";

    /// <summary>Measures it.</summary>
    /// <param name="tool">The vault, with a session that has a disk.</param>
    /// <param name="commits">Commits of one byte, at first and after each rewrite.</param>
    /// <param name="scattered">Numbers of chunks that are changed in between, so that a run of the map is rewritten.</param>
    /// <param name="note">Told what was done, and the cells and seconds of it.</param>
    public static void Run(VaultTool tool, (int AtFirst, int AfterRewrite) commits, IEnumerable<int> scattered, Action<string, long, double> note)
    {
        (PodVault vault, SessionLease lease) = tool.OpenLease();
        string mountPoint = Directory.CreateTempSubdirectory("vmpod-bench-").FullName;
        try
        {
            using (vault)
            using (lease)
            using (var image = new SessionImage(lease, new SessionImageOptions()))
            {
                StreamInfo disk = image.Streams.Single(s => s.Name.EndsWith(File, StringComparison.Ordinal));
                using (FuseMount.Start(mountPoint, [new ImageStream(File, MountedFileKind.Disk, disk, image)], new FuseMountOptions()))
                    Write(Path.Join(mountPoint, File), disk, image, lease, commits, scattered, note);
                lease.Close();
            }
        }
        finally
        {
            Directory.Delete(mountPoint);
        }
    }

    private static void Write(string path, StreamInfo disk, SessionImage image, SessionLease lease, (int AtFirst, int AfterRewrite) commits,
        IEnumerable<int> scattered, Action<string, long, double> note)
    {
        var random = new SplitMix(23);
        long[] chunks = [.. lease.Reader!.Chunks(disk)];
        long Place() => chunks[random.Below(chunks.Length)] * FormatLimits.ChunkBytes + random.Below(FormatLimits.ChunkBytes);
        (long, double) Commit()
        {
            long before = lease.BytesAppended;
            var watch = System.Diagnostics.Stopwatch.StartNew();
            _ = image.Commit(GenerationKind.DiskOnly, "benchmark");
            return ((lease.BytesAppended - before) / lease.CellBytes, watch.Elapsed.TotalSeconds);
        }

        void OneByte(string what, int count)
        {
            for (int i = 0; i < count; i++)
            {
                // What was there is not looked at: the byte changes in 255 of 256 cases, and a commit of nothing adds less.
                Command.Run("dd", ["if=/dev/urandom", $"of={path}", "bs=1", "count=1", "conv=notrunc", "oflag=seek_bytes", "status=none",
                    string.Create(CultureInfo.InvariantCulture, $"seek={Place()}")]);
                (long cells, double seconds) = Commit();
                note(what, cells, seconds);
            }
        }

        OneByte("1 byte through the mount", commits.AtFirst);
        foreach (int count in scattered)
        {
            byte[] one = new byte[1];
            for (int i = 0; i < count; i++)
            {
                random.Fill(one);
                image.Write(disk.Number, Place(), one);
            }
            _ = Commit();
            OneByte("1 byte through the mount, right after a run of the map was rewritten", commits.AfterRewrite);
        }
    }
}
