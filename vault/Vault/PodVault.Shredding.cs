using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Vault;

/// <summary>Crypto-shredding: the keys go, and with them what they opened (V-187).</summary>
public sealed partial class PodVault
{
    private const string HomesFolder = "v1/homes", ShredKeyFile = SecretsFolder + "/shred", DeviceKeyFile = SecretsFolder + "/device";

    /// <summary>Whether a shredding of this folder has begun: K_shred is gone. Then nothing but recovery words opens it, and it may be gone on with.</summary>
    public static bool IsShredding(string folder) =>
        Directory.Exists(Path.Combine(folder, SecretsFolder)) && !File.Exists(Path.Combine(folder, ShredKeyFile));

    /// <summary>
    /// Destroys what opens the vault in this folder, in an order in which every crash leaves a pod that its secrets open, or one that nothing here opens:
    /// K_shred first. The log key is left, so that it can be logged; <see cref="ShredLogKey"/> ends it. May be repeated.
    /// </summary>
    /// <remarks>Files are overwritten before they are removed. On flash that is no erasure: see SPEC, V-187.</remarks>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void ShredKeys(string folder)
    {
        Destroy(Path.Combine(folder, ShredKeyFile));
        Destroy(Path.Combine(folder, DeviceKeyFile));
        foreach (string part in (string[])[SlotsFolder, HomesFolder, RecoveringFolder])
            DestroyAll(Path.Combine(folder, part));
    }

    /// <summary>Destroys the log key: the folder is a copy then, which can be verified and read from by nobody.</summary>
    /// <exception cref="IOException">The disk failed.</exception>
    public static void ShredLogKey(string folder) => DestroyAll(Path.Combine(folder, SecretsFolder));

    private static void DestroyAll(string folder)
    {
        if (!Directory.Exists(folder))
            return;
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).ToArray())
            Destroy(file);
        Directory.Delete(folder, recursive: true);
        Libc.FsyncDirectory(Path.GetDirectoryName(folder)!);
    }

    private static void Destroy(string path)
    {
        using (SafeFileHandle? file = Libc.OpenFile(path, write: true, create: false))
        {
            if (file is null)
                return;
            RandomAccess.Write(file, new byte[RandomAccess.GetLength(file)], 0);
            Libc.Fsync(file);
        }
        File.Delete(path);
        Libc.FsyncDirectory(Path.GetDirectoryName(path)!);
    }
}
