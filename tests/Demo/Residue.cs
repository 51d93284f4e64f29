using VmPod.Testing;

namespace VmPod.Demo;

/// <summary>Looks for the guest's canaries wherever this machine could have kept them.</summary>
internal sealed class Residue(Stage stage, params IReadOnlyList<Canaries> planted)
{
    // Where programs, the kernel and systemd leave what they wrote: temporary files, sockets, logs, core files.
    private static readonly string[] Places =
        ["/tmp", "/var/tmp", "/dev/shm", "/run", "/var/log", "/var/crash", "/var/lib/systemd/coredump", "/var/spool"];

    private static readonly string[] PlacesWithControl = ["/tmp", "/var/tmp", "/dev/shm"];

    /// <summary>A search for all of them.</summary>
    public CanarySearch NewSearch() => new([.. planted.SelectMany(c => c.Patterns)]);

    /// <summary>What was found where.</summary>
    /// <param name="Plaintext">Canaries of the guest.</param>
    /// <param name="Control">Those that the demo itself planted, to show that the search finds them.</param>
    /// <param name="Places">What was searched.</param>
    /// <param name="Bytes">How much that was.</param>
    /// <param name="Found">Where canaries of the guest were.</param>
    public sealed record Result(int Plaintext, int Control, IReadOnlyList<string> Places, long Bytes, IReadOnlyList<string> Found);

    /// <summary>How many controls there are: each must be found once.</summary>
    public int Controls => PlacesWithControl.Length + stage.OwnPlaces.Count;

    /// <summary>Searches.</summary>
    public Result Search(IReadOnlyList<int> processes)
    {
        CanarySearch search = NewSearch();
        string name = Path.GetFileName(stage.OnDisk.FullPath) + "-control";
        string[] controls = [.. PlacesWithControl.Concat(stage.OwnPlaces).Select(place => Path.Join(place, name))];
        try
        {
            foreach (string control in controls)
                search.PlantControl(control);
            string[] elsewhere = [.. stage.OwnPlaces, .. stage.PodFiles, .. stage.NotSearched];
            foreach (string place in Places)
                _ = search.Folder(place, elsewhere);
            foreach (string place in stage.OwnPlaces)
                _ = search.Folder(place, [.. stage.OwnPlaces.Where(inner => inner != place)]);
            foreach (string core in Directory.EnumerateFiles("/", "core*").Concat(Directory.EnumerateFiles(Environment.CurrentDirectory, "core*")))
                _ = search.File(core);
            // The pod itself, twice: through the page cache, and what is on the disk.
            foreach (string file in stage.PodFiles)
            {
                _ = search.File(file);
                _ = search.File(file, direct: true);
            }
            string[] names = [.. processes.Select(ProcessSnapshot.NameOf)];
            foreach (int process in processes)
                _ = search.Process(process);
            int ours = search.Places.Where(p => controls.Contains(p.Place)).Sum(p => p.Hits);
            return new Result(search.Hits - ours, ours,
                [.. Places.Where(Directory.Exists), .. stage.OwnPlaces, "/core*", "the pod (page cache)", "the pod (O_DIRECT)",
                    .. names.Select(n => $"memory of {n}")],
                search.Places.Sum(p => p.Bytes), [.. search.Places.Where(p => p.Hits > 0 && !controls.Contains(p.Place)).Select(p => p.Place)]);
        }
        finally
        {
            foreach (string control in controls)
                File.Delete(control);
        }
    }
}
