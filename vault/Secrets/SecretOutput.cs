using VmPod.Foundation;

namespace VmPod.Secrets;

/// <summary>Shows a secret to its owner, from locked memory: on the terminal, or in a file that only he can read.</summary>
public static class SecretOutput
{
    /// <summary>Writes on the controlling terminal, past standard output: what was sent into a file or a pipe does not get it.</summary>
    /// <exception cref="VmPodException">There is no terminal (2).</exception>
    public static void ShowOnTerminal(SecretBuffer secret)
    {
        try
        {
            using var terminal = new FileStream("/dev/tty", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            terminal.Write(secret.ReadOnlyBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmPodException(ExitCode.Usage, "There is no terminal to show them on.", "Name a new file for them: --words-file FILE.", e);
        }
    }

    /// <summary>Writes a new file, mode 0600, durably.</summary>
    /// <exception cref="VmPodException">There is a file of this name, or it may not be written (4); no such folder (3); no space (8).</exception>
    public static void WriteNewFile(string path, SecretBuffer secret)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            BufferSize = 0,
        };
        bool isMade = false;
        try
        {
            using (var file = new FileStream(path, options))
            {
                isMade = true;
                file.Write(secret.ReadOnlyBytes);
                Libc.Fsync(file.SafeFileHandle);
            }
            Libc.FsyncDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (isMade)
                File.Delete(path);
            throw e switch
            {
                DirectoryNotFoundException => new VmPodException(ExitCode.NotFound, $"There is no folder for {path}.", innerException: e),
                IOException io when Libc.IsNoSpace(io) => new VmPodException(ExitCode.NoSpace, $"There is no space for {path}.", innerException: e),
                _ when !isMade && File.Exists(path) =>
                    new VmPodException(ExitCode.Refused, $"There is a file {path} already.", "Name one that does not exist.", e),
                _ => new VmPodException(ExitCode.Refused, $"{path} cannot be written.", innerException: e),
            };
        }
    }
}
