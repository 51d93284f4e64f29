using VmPod.Testing;

namespace VmPod.ThreatModel.Checks;

/// <summary>A small source tree with something wrong in it, for the checks to find.</summary>
public sealed class PlantedTree : IDisposable
{
    private readonly TempFolder folder = new(inRam: true);

    /// <summary>Its root.</summary>
    public string Root => folder.FullPath;

    /// <summary>Writes a file, and the folders that it needs.</summary>
    public PlantedTree With(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(folder[path])!);
        File.WriteAllText(folder[path], text);
        return this;
    }

    /// <inheritdoc/>
    public void Dispose() => folder.Dispose();
}
