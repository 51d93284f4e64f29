using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks.Peers;

/// <summary>restic with its defaults: content-defined chunks of about 1 MiB, zstd, encryption by a password.</summary>
internal sealed class ResticTool : ISnapshotTool
{
    private string folder = "";

    private string Repository => Path.Join(folder, "repository");

    /// <inheritdoc/>
    public string Name => "restic";

    /// <inheritdoc/>
    public string Version { get; } = string.Join(' ', Command.Run("restic", ["version"]).Split(' ').Skip(1).Take(1)) + " (defaults)";

    /// <inheritdoc/>
    public long StoredBytes => DataFile.StoredBytes(Repository);

    /// <inheritdoc/>
    public void Create(string folder)
    {
        this.folder = Directory.CreateDirectory(folder).FullName;
        // Throwaway, like the repository.
        File.WriteAllText(Path.Join(folder, "password"), "benchmark");
        Restic("init");
    }

    /// <inheritdoc/>
    public Timing Unlock() => Timing.Of(() => Restic("cat", "config"));

    /// <inheritdoc/>
    public Timing Save(string folder, int generation) => Timing.Of(() =>
    {
        Restic("backup", folder);
        Command.Sync(this.folder);
    });

    /// <inheritdoc/>
    public Timing Restore(int generation, string into) => Timing.Of(() =>
    {
        // Only the newest is asked for.
        Restic("restore", "latest", "--target", into);
        Command.Sync(into);
    });

    /// <inheritdoc/>
    public void WarmProgram() => Command.Run("restic", ["version"]);

    /// <inheritdoc/>
    public void Warm() => DataFile.Warm(folder);

    private void Restic(params string[] arguments) => Command.Run("restic",
        ["-q", "-r", Repository, "--password-file", Path.Join(folder, "password"), "--cache-dir", Path.Join(folder, "cache"), .. arguments]);
}
