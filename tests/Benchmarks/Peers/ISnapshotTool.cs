using VmPod.Benchmarks.Report;

namespace VmPod.Benchmarks.Peers;

/// <summary>Something that keeps generations of a folder, at its own place on the disk.</summary>
internal interface ISnapshotTool
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>Its version and settings.</summary>
    string Version { get; }

    /// <summary>Bytes that it keeps now.</summary>
    long StoredBytes { get; }

    /// <summary>Makes an empty repository in a new folder.</summary>
    void Create(string folder);

    /// <summary>Time to open the repository alone: deriving keys is most of it.</summary>
    Timing Unlock();

    /// <summary>Saves a folder as the next generation, durably.</summary>
    Timing Save(string folder, int generation);

    /// <summary>Restores a generation into a new folder, durably.</summary>
    Timing Restore(int generation, string into);

    /// <summary>Loads the program itself and nothing of what it keeps: with cold caches its data comes from the disk, not its code.</summary>
    void WarmProgram();

    /// <summary>Reads all that it keeps, so that it is in the page cache.</summary>
    void Warm();
}
