using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Audit;

/// <summary>The files of a log: DIR/v1/audit/entries and checkpoint.</summary>
/// <param name="Path">The folder that holds them.</param>
internal sealed record AuditFolder(string Path)
{
    // The log says when and with whom somebody worked: for the owner of the pod alone.
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    internal string Entries => System.IO.Path.Combine(Path, "entries");

    private string CheckpointPath => System.IO.Path.Combine(Path, "checkpoint");

    private string CheckpointNewPath => System.IO.Path.Combine(Path, "checkpoint.new");

    internal static AuditFolder Of(string vaultFolder) => new(System.IO.Path.Combine(vaultFolder, "v1", "audit"));

    internal bool HasCheckpoint => File.Exists(CheckpointPath);

    /// <summary>Makes the folder with an empty file of entries, durably. A half-made one is completed.</summary>
    internal void Create()
    {
        Directory.CreateDirectory(Path, FolderMode);
        using (SafeFileHandle entries = OpenOrCreate(Entries))
            Libc.Fsync(entries);
        Libc.FsyncDirectory(Path);
        Libc.FsyncDirectory(System.IO.Path.GetDirectoryName(Path)!);
    }

    /// <summary>Replaces the checkpoint so that after a crash either the old or the new one is there, whole.</summary>
    internal void WriteCheckpoint(byte[] note)
    {
        using (SafeFileHandle file = OpenOrCreate(CheckpointNewPath))
        {
            // What a crash left of an earlier one.
            Libc.SetLength(file, 0);
            Libc.Write(file, note, 0);
            Libc.Fsync(file);
        }
        File.Move(CheckpointNewPath, CheckpointPath, overwrite: true);
        Libc.FsyncDirectory(Path);
    }

    /// <summary>The checkpoint's bytes; null if there is none or it is longer than one may be.</summary>
    internal byte[]? ReadCheckpoint()
    {
        using SafeFileHandle? file = Libc.OpenFile(CheckpointPath, write: false, create: false);
        if (file is null)
            return null;
        byte[] bytes = new byte[AuditLimits.CheckpointBytesMax + 1];
        int length = RandomAccess.Read(file, bytes, 0);
        return length is 0 or > AuditLimits.CheckpointBytesMax ? null : bytes[..length];
    }

    /// <summary>Opens the entries for reading. Takes no lock: a reader sees a prefix of what an appender writes.</summary>
    /// <exception cref="VmPodException">There is no log (exit code 3).</exception>
    internal FileStream OpenEntriesToRead() => new(OpenEntries(write: false), FileAccess.Read, bufferSize: 64 * 1024);

    /// <summary>Opens the entries, without a lock.</summary>
    /// <exception cref="VmPodException">There is no log (exit code 3).</exception>
    internal SafeFileHandle OpenEntries(bool write) => Libc.OpenFile(Entries, write, create: false)
        ?? throw new VmPodException(ExitCode.NotFound, "There is no audit log in this vault.");

    // Null stands for "not there", which a file that is created cannot be.
    private static SafeFileHandle OpenOrCreate(string path) => Libc.OpenFile(path, write: true, create: true)!;
}
