using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Secrets;

/// <summary>
/// Reads a passphrase or PIN from a terminal, a file or standard input straight into locked memory: no string, no array.
/// </summary>
/// <remarks>
/// The secret is bytes: text is taken as the terminal or file encodes it, without normalisation. Whether it is strong enough is judged
/// elsewhere.
/// The size is 1 to <see cref="SecretLimits.InputBytesMax"/> bytes.
/// </remarks>
public static class SecretInput
{
    private const byte CtrlC = 3, CtrlD = 4, Backspace = 8, CtrlU = 21, Delete = 127;

    // One more than a full secret and its newline, so that too much is seen.
    private const int ReadBytesMax = SecretLimits.InputBytesMax + 2;

    /// <summary>Asks on the controlling terminal, without echo. Backspace takes one character back, Ctrl-U all, Ctrl-C and an empty
    /// Ctrl-D cancel.</summary>
    /// <param name="prompt">Shown before the answer, for example "Passphrase: ".</param>
    /// <exception cref="VmPodException">No terminal (exit code 2), cancelled or empty (4), too long (2).</exception>
    public static SecretBuffer ReadTerminal(string prompt) => ReadTerminal(prompt, "/dev/tty");

    /// <summary>Reads a secret from a file, or from standard input if <paramref name="path"/> is "-". One trailing newline is
    /// dropped.</summary>
    /// <remarks>A regular file that group or others may read is refused. A pipe, or a descriptor named as /dev/fd/N, has no such question:
    /// whoever opened it decided.</remarks>
    /// <exception cref="VmPodException">Not found (exit code 3), not readable, open to others or empty (4), too long (2).</exception>
    public static SecretBuffer ReadFile(string path)
    {
        if (path == "-")
        {
            using var input = new SafeFileHandle(0, ownsHandle: false);
            return ReadAll(input, "Standard input");
        }
        using SafeFileHandle file = Open(path);
        RefuseIfOpenToOthers(file, path);
        return ReadAll(file, path);
    }

    internal static SecretBuffer ReadTerminal(string prompt, string device)
    {
        SafeFileHandle terminal;
        try
        {
            terminal = File.OpenHandle(device, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmPodException(ExitCode.Usage,
                "There is no terminal to ask on.", "Give the secret with --pin-file FILE, or - for standard input.", e);
        }
        // The stream owns the handle, so it is closed last: the echo is restored before.
        using (var stream = new FileStream(terminal, FileAccess.ReadWrite, bufferSize: 0))
        using (new TerminalEcho(terminal))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(prompt));
            using SecretBuffer line = SecretBuffer.Create(ReadBytesMax, static _ => { });
            int length = ReadLine(stream, line.Bytes);
            stream.Write("\n"u8);
            return Finish(line.ReadOnlyBytes[..length], "The answer");
        }
    }

    private static SafeFileHandle Open(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new VmPodException(ExitCode.NotFound, $"There is no file {path}.", innerException: e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VmPodException(ExitCode.Refused, $"{path} cannot be read.", innerException: e);
        }
    }

    private static void RefuseIfOpenToOthers(SafeFileHandle file, string path)
    {
        bool descriptor = path.StartsWith("/dev/fd/", StringComparison.Ordinal)
            || path.StartsWith("/proc/self/fd/", StringComparison.Ordinal);
        using var probe = new SafeFileHandle(file.DangerousGetHandle(), ownsHandle: false);
        using var stream = new FileStream(probe, FileAccess.Read, bufferSize: 0);
        if (descriptor || !stream.CanSeek)
            return;
        if ((File.GetUnixFileMode(file) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)) != 0)
            throw new VmPodException(ExitCode.Refused, $"{path} can be read by other users of this machine.", $"chmod 600 {path}");
    }

    private static SecretBuffer ReadAll(SafeFileHandle file, string source)
    {
        using var stream = new FileStream(file, FileAccess.Read, bufferSize: 0);
        using SecretBuffer all = SecretBuffer.Create(ReadBytesMax, static _ => { });
        int length = 0;
        for (int read; length < ReadBytesMax && (read = stream.Read(all.Bytes[length..])) > 0;)
            length += read;
        if (length > 0 && all.Bytes[length - 1] == '\n')
            length--;
        return Finish(all.ReadOnlyBytes[..length], source);
    }

    private static int ReadLine(FileStream terminal, Span<byte> line)
    {
        int length = 0;
        while (length < line.Length)
        {
            // The key lands behind what is kept, in locked memory too.
            if (terminal.Read(line.Slice(length, 1)) == 0)
                return length;
            switch (line[length])
            {
                case CtrlC:
                case CtrlD when length == 0:
                    throw new VmPodException(ExitCode.Refused, "Cancelled.");
                case CtrlD or (byte)'\n' or (byte)'\r':
                    return length;
                case Backspace or Delete:
                    length = WithoutLastCharacter(line[..length]);
                    break;
                case CtrlU:
                    length = 0;
                    break;
                default:
                    length++;
                    break;
            }
        }
        return length;
    }

    // UTF-8 continuation bytes are 10xxxxxx: they go with the byte that leads them.
    private static int WithoutLastCharacter(ReadOnlySpan<byte> line)
    {
        int length = line.Length;
        while (length > 0 && (line[--length] & 0xC0) == 0x80)
        {
        }
        return length;
    }

    private static SecretBuffer Finish(ReadOnlySpan<byte> secret, string source)
    {
        if (secret.IsEmpty)
            throw new VmPodException(ExitCode.Refused, $"{source} is empty.");
        if (secret.Length > SecretLimits.InputBytesMax)
            throw new VmPodException(ExitCode.Usage,
                $"{source} is longer than {SecretLimits.InputBytesMax} bytes: that is no passphrase or PIN.");
        return SecretBuffer.Create(secret.Length, secret, static (bytes, from) => from.CopyTo(bytes));
    }
}
