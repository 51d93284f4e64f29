using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks.Peers;

/// <summary>borg with chunks of 64 KiB on a fixed grid, holes skipped, its default compression (lz4), encrypted by a key in the repository.</summary>
internal sealed class BorgTool : ISnapshotTool
{
    private string folder = "";

    private string Repository => Path.Join(folder, "repository");

    /// <inheritdoc/>
    public string Name => "borg";

    /// <inheritdoc/>
    public string Version { get; } = Command.Run("borg", ["--version"]).Trim().Split(' ')[^1] + " (--chunker-params fixed,65536 --sparse, lz4, repokey)";

    /// <inheritdoc/>
    public long StoredBytes => DataFile.StoredBytes(Repository);

    /// <inheritdoc/>
    public void Create(string folder)
    {
        this.folder = Directory.CreateDirectory(folder).FullName;
        Borg(null, "init", "-e", "repokey", Repository);
    }

    /// <inheritdoc/>
    public Timing Unlock() => Timing.Of(() => Borg(null, "list", Repository));

    /// <inheritdoc/>
    public Timing Save(string folder, int generation) => Timing.Of(() =>
    {
        Borg(folder, "create", "--chunker-params", "fixed,65536", "--sparse", Archive(generation), ".");
        Command.Sync(this.folder);
    });

    /// <inheritdoc/>
    public Timing Restore(int generation, string into) => Timing.Of(() =>
    {
        Directory.CreateDirectory(into);
        Borg(into, "extract", "--sparse", Archive(generation));
        Command.Sync(into);
    });

    /// <inheritdoc/>
    public void WarmProgram() => Command.Run("borg", ["--version"]);

    /// <inheritdoc/>
    public void Warm() => DataFile.Warm(folder);

    private string Archive(int generation) => string.Create(CultureInfo.InvariantCulture, $"{Repository}::gen{generation}");

    // The passphrase of a throwaway repository; borg takes it from nowhere else without a terminal.
    private void Borg(string? workingFolder, params string[] arguments) => Command.Run("borg", arguments, workingFolder,
        new Dictionary<string, string> { ["BORG_PASSPHRASE"] = "benchmark", ["BORG_BASE_DIR"] = Path.Join(folder, "home") });
}
