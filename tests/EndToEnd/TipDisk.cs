using Microsoft.Win32.SafeHandles;
using VmPod.PodKeeper;
using VmPod.Secrets;
using VmPod.Testing;
using VmPod.Vault.Cells;
using VmPod.Vault.Format;
using VmPod.Vault.Sessions;

namespace VmPod.EndToEnd;

/// <summary>The disk of a session's tip as a plain file: what a machine that boots now would find, looked at without booting it.</summary>
/// <remarks>A tip is a draft, which `podkeeper get` does not give; so this asks the vault itself.</remarks>
internal static class TipDisk
{
    /// <summary>Copies it out of the pod, replays its journal as a mount would, and checks it: nothing may be wrong then.</summary>
    public static async Task<string> TakeAsync(string podFolder, string pinFile, string session, string to)
    {
        await Task.Run(() => Export(podFolder, pinFile, session, to));
        CliResult replay = await new CliRunner(SystemTools.Find("e2fsck")).RunAsync(["-p", to]);
        if (replay.ExitCode is not (0 or 1))
            replay.MustSucceed();
        (await new CliRunner(SystemTools.Find("e2fsck")).RunAsync(["-f", "-n", to])).MustSucceed();
        return to;
    }

    /// <summary>Copies a file out of such a disk, if it is there.</summary>
    public static async Task CopyAsync(string disk, string path, string to) =>
        (await new CliRunner(SystemTools.Find("debugfs")).RunAsync(["-R", $"dump {path} {to}", disk])).MustSucceed();

    private static void Export(string podFolder, string pinFile, string session, string to)
    {
        using Pod pod = Pod.Open(podFolder, StoreAccess.Write, TimeProvider.System);
        using (SecretBuffer passphrase = SecretInput.ReadFile(pinFile))
        {
            if (!pod.TryUnlock(passphrase))
                throw new InvalidOperationException("The passphrase is wrong.");
        }
        using SessionReader reader = pod.OpenSession(session, LeasePurpose.Get, tip: true);
        StreamInfo disk = reader.Stream("disk");
        using SafeFileHandle file = File.OpenHandle(to, FileMode.Create, FileAccess.Write);
        RandomAccess.SetLength(file, disk.Length);
        Parallel.ForEach(reader.Chunks(disk), () => new byte[FormatLimits.ChunkBytes], (chunk, _, bytes) =>
        {
            reader.ReadChunk(disk, chunk, bytes);
            RandomAccess.Write(file, bytes.AsSpan(0, disk.ChunkLength(chunk)), chunk * FormatLimits.ChunkBytes);
            return bytes;
        }, _ => { });
    }
}
