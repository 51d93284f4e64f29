using VmPod.Foundation;
using VmPod.Secrets;

namespace VmPod.Vault.Keys;

/// <summary>
/// What a pod with a TPM keeps in the chip: the device secret K_dev, the erasable K_shred and the log key. Without one they are files of 32 bytes, and
/// prove nothing against a thief of the folder: then only the passphrase protects, and the pod says so.
/// </summary>
internal sealed class DeviceSecrets : IDisposable
{
    private const string DeviceFile = "device", ShredFile = "shred", LogFile = "log";

    private DeviceSecrets(SecretBuffer device, SecretBuffer shred, SecretBuffer log)
    {
        Device = device;
        Shred = shred;
        Log = log;
    }

    /// <summary>Salt of every passphrase slot.</summary>
    public SecretBuffer Device { get; }

    /// <summary>Salt of K_vault: without it nothing opens.</summary>
    public SecretBuffer Shred { get; }

    /// <summary>Seed of the Ed25519 key that signs heads and the audit log, also while the pod is locked.</summary>
    public SecretBuffer Log { get; }

    /// <summary>Makes new ones, in memory.</summary>
    public static DeviceSecrets Create() =>
        new(SecretBuffer.Random(KeyDerivation.KeyBytes), SecretBuffer.Random(KeyDerivation.KeyBytes), SecretBuffer.Random(KeyDerivation.KeyBytes));

    /// <summary>New ones with the log key that was: what it signed stays good.</summary>
    /// <param name="logSeed">The log key's seed; the new secrets own it.</param>
    public static DeviceSecrets Create(SecretBuffer logSeed) =>
        new(SecretBuffer.Random(KeyDerivation.KeyBytes), SecretBuffer.Random(KeyDerivation.KeyBytes), logSeed);

    /// <summary>Writes them as files that only the owner may read.</summary>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Write(Path.Combine(folder, DeviceFile), Device);
        Write(Path.Combine(folder, ShredFile), Shred);
        Write(Path.Combine(folder, LogFile), Log);
        Libc.FsyncDirectory(folder);
    }

    /// <summary>Reads them.</summary>
    public static DeviceSecrets Load(string folder) =>
        new(Read(Path.Combine(folder, DeviceFile)), Read(Path.Combine(folder, ShredFile)), Read(Path.Combine(folder, LogFile)));

    /// <inheritdoc/>
    public void Dispose()
    {
        Device.Dispose();
        Shred.Dispose();
        Log.Dispose();
    }

    private static void Write(string path, SecretBuffer secret)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 0,
        };
        using var file = new FileStream(path, options);
        file.Write(secret.ReadOnlyBytes);
        Libc.Fsync(file.SafeFileHandle);
    }

    private static SecretBuffer Read(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (file.Length != KeyDerivation.KeyBytes)
                throw new VmPodException(ExitCode.Damaged, "A device secret of the pod has not 32 bytes.",
                    "Restore the pod's v1/nv folder, or the whole pod from a mirror.");
            return SecretBuffer.Create(KeyDerivation.KeyBytes, file.ReadExactly);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new VmPodException(ExitCode.Damaged,
                "The pod's device secrets (v1/nv) are missing: this copy of the vault cannot be unlocked or written here.",
                "Use the pod itself, or open this copy with its recovery words: podkeeper recover DIR.", e);
        }
    }
}
