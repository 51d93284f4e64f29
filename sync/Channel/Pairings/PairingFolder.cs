using System.Globalization;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.Sync.Channel.Pairings;

/// <summary>
/// Pairings as files of one folder that only its owner may read: one file each, named by its id, in the canonical form. They are device secrets: a locked
/// pod needs them to be reached by its hosts, and who steals them can pose as one side, and read or forge no session (threatmodel, T-03).
/// </summary>
public static class PairingFolder
{
    private const string Extension = ".pairing";

    /// <summary>Stores a pairing durably; one of the same id is replaced.</summary>
    public static void Save(string folder, Pairing pairing)
    {
        using SecretBuffer bytes = pairing.ToBytes();
        PrivateFile.Replace(PathOf(folder, pairing.Id), bytes.ReadOnlyBytes);
    }

    /// <summary>Reads all pairings of a folder, by id; none if there is no such folder. The caller disposes them.</summary>
    /// <exception cref="VmPodException">A file is not a pairing (5), or there are too many (8).</exception>
    public static IReadOnlyList<Pairing> Load(string folder)
    {
        var pairings = new List<Pairing>();
        if (!Directory.Exists(folder))
            return pairings;
        try
        {
            foreach (string path in Directory.GetFiles(folder, "*" + Extension).Order(StringComparer.Ordinal))
            {
                if (pairings.Count == ChannelLimits.PairingsMax)
                    throw new VmPodException(ExitCode.NoSpace, $"There are more than {ChannelLimits.PairingsMax} pairings.",
                        "Remove those of no use any more.");
                pairings.Add(Read(path));
            }
            return pairings;
        }
        catch
        {
            foreach (Pairing pairing in pairings)
                pairing.Dispose();
            throw;
        }
    }

    /// <summary>How many there are.</summary>
    public static int Count(string folder) => Directory.Exists(folder) ? Directory.GetFiles(folder, "*" + Extension).Length : 0;

    /// <summary>True if a pairing is stored.</summary>
    public static bool Contains(string folder, UInt128 id) => File.Exists(PathOf(folder, id));

    /// <summary>Removes a pairing. False if it was not there.</summary>
    public static bool Remove(string folder, UInt128 id)
    {
        string path = PathOf(folder, id);
        if (!File.Exists(path))
            return false;
        File.Delete(path);
        Libc.FsyncDirectory(folder);
        return true;
    }

    private static Pairing Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (file.Length is > 0 and <= 1024)
        {
            using SecretBuffer bytes = SecretBuffer.Create((int)file.Length, file.ReadExactly);
            if (Pairing.TryRead(bytes.ReadOnlyBytes, out Pairing? pairing) && Path.GetFileName(path) == NameOf(pairing!.Id))
                return pairing;
        }
        throw new VmPodException(ExitCode.Damaged, $"{path} is no pairing.", "Remove the file and pair again.");
    }

    private static string PathOf(string folder, UInt128 id) => Path.Combine(folder, NameOf(id));

    private static string NameOf(UInt128 id) => id.ToString("x32", CultureInfo.InvariantCulture) + Extension;
}
