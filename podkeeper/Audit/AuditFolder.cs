using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Audit;

/// <summary>The files of a log: DIR/v1/audit/entries and checkpoint.</summary>
/// <param name="Path">The folder that holds them.</param>
internal sealed record AuditFolder(string Path)
{
    // The log says when and with whom somebody worked: for the owner of the pod alone.
    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode FileMode600 = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    internal string Entries => System.IO.Path.Combine(Path, "entries");

    private string CheckpointPath => System.IO.Path.Combine(Path, "checkpoint");

    private string CheckpointNewPath => System.IO.Path.Combine(Path, "checkpoint.new");

    internal static AuditFolder Of(string vaultFolder) => new(System.IO.Path.Combine(vaultFolder, "v1", "audit"));

    internal bool HasCheckpoint => File.Exists(CheckpointPath);

    /// <summary>Makes the folder with an empty file of entries, durably. A half-made one is completed.</summary>
    internal void Create()
    {
        Directory.CreateDirectory(Path, FolderMode);
        using (SafeFileHandle entries = File.OpenHandle(Entries, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            File.SetUnixFileMode(entries, FileMode600);
            Libc.Fsync(entries);
        }
        Libc.FsyncDirectory(Path);
        Libc.FsyncDirectory(System.IO.Path.GetDirectoryName(Path)!);
    }

    /// <summary>Replaces the checkpoint so that after a crash either the old or the new one is there, whole.</summary>
    internal void WriteCheckpoint(byte[] note)
    {
        using (SafeFileHandle file = File.OpenHandle(CheckpointNewPath, FileMode.Create, FileAccess.Write, FileShare.ReadWrite))
        {
            File.SetUnixFileMode(file, FileMode600);
            RandomAccess.Write(file, note, 0);
            Libc.Fsync(file);
        }
        File.Move(CheckpointNewPath, CheckpointPath, overwrite: true);
        Libc.FsyncDirectory(Path);
    }

    /// <summary>The checkpoint's bytes; null if there is none or it is longer than one may be.</summary>
    internal byte[]? ReadCheckpoint()
    {
        if (!HasCheckpoint)
            return null;
        using SafeFileHandle file = File.OpenHandle(CheckpointPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] bytes = new byte[AuditLimits.CheckpointBytesMax + 1];
        int length = RandomAccess.Read(file, bytes, 0);
        return length is 0 or > AuditLimits.CheckpointBytesMax ? null : bytes[..length];
    }

    /// <summary>Opens the entries for reading. Taking no lock: a reader sees a prefix of what an appender writes.</summary>
    /// <exception cref="VmPodException">There is no log (exit code 3).</exception>
    internal FileStream OpenEntriesToRead()
    {
        try
        {
            return new FileStream(Entries, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 64 * 1024);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new VmPodException(ExitCode.NotFound, "There is no audit log in this vault.", innerException: e);
        }
    }
}
