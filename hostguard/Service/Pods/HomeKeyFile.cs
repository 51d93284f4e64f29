using System.Globalization;
using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.HostGuard.Pods;

/// <summary>This host's own key at a pod that it is a home host of (rule 24): 32 bytes in PAIRING.home beside the pairing, for its owner alone. Who has it, the
/// pairing and the pod, or a copy of it, reads all sessions that this host had.</summary>
internal static class HomeKeyFile
{
    private const int KeyBytes = 32;

    /// <summary>True if there is one.</summary>
    public static bool Exists(string folder, UInt128 pairing) => File.Exists(PathOf(folder, pairing));

    /// <summary>Reads it. Null if there is none.</summary>
    /// <exception cref="VmPodException">The file is no such key (5).</exception>
    public static SecretBuffer? Load(string folder, UInt128 pairing)
    {
        string path = PathOf(folder, pairing);
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            return file.Length == KeyBytes ? SecretBuffer.Create(KeyBytes, file.ReadExactly)
                : throw new VmPodException(ExitCode.Damaged, $"{path} is no key.", "Remove the file: the pod gives the key again, once it is unlocked.");
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Stores it durably.</summary>
    public static void Save(string folder, UInt128 pairing, SecretBuffer key) => PrivateFile.Replace(PathOf(folder, pairing), key.ReadOnlyBytes);

    /// <summary>Removes it, if it is there.</summary>
    public static void Remove(string folder, UInt128 pairing) => File.Delete(PathOf(folder, pairing));

    private static string PathOf(string folder, UInt128 pairing) => Path.Combine(folder, pairing.ToString("x32", CultureInfo.InvariantCulture) + ".home");
}
