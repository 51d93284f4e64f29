using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using VmPod.Foundation;

namespace VmPod.Vault.Cells;

/// <summary>The lock of a store: flock(2) on v1/lock, shared or exclusive. The file says who holds it, for the message only (rule
/// 20).</summary>
internal sealed class StoreLock : IDisposable
{
    private const int TextBytesMax = 256;
    private readonly SafeFileHandle _file;

    private StoreLock(SafeFileHandle file) => _file = file;

    /// <exception cref="VmPodException">Busy: somebody else holds it.</exception>
    internal static StoreLock Take(StoreDisk disk, bool exclusive)
    {
        var file = OpenFile(disk, exclusive, out bool canWrite);
        try
        {
            if (!Libc.TryLock(file, exclusive))
                throw Busy(file);
            if (canWrite)
                WriteHolder(file);
            return new StoreLock(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Unlocks first: a child of this process that is between fork and exec still has the descriptor, and with it the lock,
    /// after our close.</summary>
    public void Dispose()
    {
        if (!_file.IsClosed)
            Libc.Unlock(_file);
        _file.Dispose();
    }

    private static SafeFileHandle OpenFile(StoreDisk disk, bool exclusive, out bool canWrite)
    {
        try
        {
            canWrite = true;
            return Libc.OpenFile(disk.PathOf(StoreNames.Lock), write: true, create: true)!;
        }
        catch (IOException) when (!exclusive)
        {
            // A pod mounted read-only: a shared lock needs no writing.
            canWrite = false;
            return disk.Open(StoreNames.Lock) ?? throw new VmPodException(ExitCode.Damaged,
                "The vault has no lock file, and none can be made.");
        }
    }

    private static VmPodException Busy(SafeFileHandle file)
    {
        var bytes = new byte[TextBytesMax];
        string text = Encoding.UTF8.GetString(bytes, 0, StoreDisk.Read(file, bytes, 0)).TrimEnd('\n');
        var parts = text.Split(' ', 2);
        // Names are printed to a terminal, and the file is anybody's.
        bool isKnown = parts.Length == 2 && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out _)
            && parts[1].All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
        string holder = isKnown ? $"process {parts[0]} ({parts[1]})" : "another process";
        return new VmPodException(ExitCode.Busy, $"The vault is in use by {holder}.", "Wait until it has finished, or stop it.");
    }

    private static void WriteHolder(SafeFileHandle file)
    {
        string name = Path.GetFileName(Environment.ProcessPath ?? "unknown");
        var bytes = new byte[TextBytesMax];
        int length = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
            $"{Environment.ProcessId} {name[..Math.Min(name.Length, 32)]}\n"), bytes);
        try
        {
            RandomAccess.SetLength(file, 0);
            RandomAccess.Write(file, bytes.AsSpan(0, length), 0);
        }
        catch (IOException e) when (StoreDisk.IsNoSpace(e))
        {
            // A full disk must not keep anyone from reading or freeing it; the lock itself is held, only its message is poorer.
        }
    }
}
