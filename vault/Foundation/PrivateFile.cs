namespace VmPod.Foundation;

/// <summary>Small files that only their owner may read: keys, pairings, witnesses.</summary>
public static class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes this the file's content, durably, and as a whole or not at all: after a crash at any step the old content is there or the new
    /// one.</summary>
    /// <param name="path">The file; its folder is made, for its owner alone, if it is not there. PATH.part is taken for the while.</param>
    /// <param name="bytes">The content. Not copied: it may be a secret.</param>
    /// <exception cref="IOException">No space, or the disk failed.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!, part = path + ".part";
        Directory.CreateDirectory(folder, OwnerOnly | UnixFileMode.UserExecute);
        // No buffer: what is written may be a secret, and would stay in it.
        using (var file = new FileStream(part, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnly,
            BufferSize = 0,
        }))
        {
            file.Write(bytes);
            Libc.Fsync(file.SafeFileHandle);
        }
        File.Move(part, path, overwrite: true);
        Libc.FsyncDirectory(folder);
    }
}
