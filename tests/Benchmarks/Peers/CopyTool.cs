using System.Globalization;
using VmPod.Benchmarks.Data;
using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks.Peers;

/// <summary>cp --sparse=always: what moving the bytes alone costs.</summary>
internal sealed class CopyTool : ISnapshotTool
{
    private string folder = "";

    /// <inheritdoc/>
    public string Name => "cp";

    /// <inheritdoc/>
    public string Version { get; } = Command.Run("cp", ["--version"]).Split('\n')[0].Split(' ')[^1] + " (--sparse=always, then sync -f)";

    /// <inheritdoc/>
    public long StoredBytes => DataFile.StoredBytes(folder);

    /// <inheritdoc/>
    public void Create(string folder) => this.folder = Directory.CreateDirectory(folder).FullName;

    /// <inheritdoc/>
    public Timing Unlock() => default;

    /// <inheritdoc/>
    public Timing Save(string folder, int generation) => Copy(folder, Place(generation));

    /// <inheritdoc/>
    public Timing Restore(int generation, string into) => Copy(Place(generation), into);

    /// <inheritdoc/>
    public void WarmProgram() => Command.Run("cp", ["--version"]);

    /// <inheritdoc/>
    public void Warm() => DataFile.Warm(folder);

    private string Place(int generation) => Path.Join(folder, generation.ToString(CultureInfo.InvariantCulture));

    private static Timing Copy(string from, string to) => Timing.Of(() =>
    {
        Command.Run("cp", ["-r", "--sparse=always", from, to]);
        Command.Sync(to);
    });
}
